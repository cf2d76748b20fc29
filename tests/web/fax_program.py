"""The program with the fax channel and its provider, as if its package were installed: ``python -m tests.web.fax_program``."""

from engine.cli import main
from engine.kinds import SHIPPED
from tests.cost_of_change.fax import FAX_KINDS

if __name__ == "__main__":
    main(SHIPPED + FAX_KINDS)
