"""One module outside the program that adds one of everything that can be added, as an installed package does.

A channel with its provider and the provider's receipts, a gate, a kind of step, of trigger and of fact source.
"""

from engine.kinds import Kinds
from tests.cost_of_change.fax import FAX, FAX_ADAPTER
from tests.cost_of_change.gate import cap
from tests.cost_of_change.source import STREAK
from tests.cost_of_change.step import SPLIT
from tests.cost_of_change.trigger import SILENCE

MOST = 2
"""Messages for each user."""
EXTENSION = Kinds(
    channels=(FAX,),
    adapters=(FAX_ADAPTER,),
    gates=(cap(MOST),),
    steps=(SPLIT,),
    triggers=(SILENCE,),
    fact_sources=(STREAK,),
)
