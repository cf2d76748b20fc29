"""Maison, the brand of the tests: its files by path. A test that needs other files adds them or replaces these.

It is small enough to compute by hand: three dimensions, one of each kind, and a playbook for each kind of trigger.
"""

from collections.abc import Mapping

FACTS = """
[events.signed_up]

[events.order_completed]
amount = "money"
category = "text"

[events.review_posted]

[facts.first_name]
attribute = "first_name"
type = "text"
description = "For greetings"

[facts.mail]
attribute = "email"
type = "text"

[facts.is_vip]
attribute = "is_vip"
type = "boolean"

[facts.birthday]
attribute = "birthday"
type = "date"

[facts.language]
attribute = "language"
type = "text"

[facts.spend]
sum = "order_completed.amount"
within = "365d"

[facts.orders]
count = "order_completed"

[facts.beauty_orders]
count = "order_completed"
where = "category = 'beauty'"
within = "90d"

[facts.last_order_at]
last = "order_completed"

[facts.average_order]
expr = "spend / nullif(orders, 0)"
"""

VALUE = """
[dimension]
name = "value"
kind = "tiers"

[[tier]]
name = "high"
when = "spend >= 500 and orders >= 3"
keep = "spend >= 400"
grace = "30d"
lock = "10d"

[[tier]]
name = "low"
"""

LIFECYCLE = """
[dimension]
name = "lifecycle"
kind = "stages"
initial = "potential"

[[transition]]
from = ["potential", "at_risk"]
to = "active"
when = "orders >= 1 and days_since(last_order_at) <= 60"

[[transition]]
name = "sleeping"
from = ["active"]
to = "at_risk"
when = "days_since(last_order_at) > 60"
"""

NEEDS = """
[dimension]
name = "needs"
kind = "segments"

[[segment]]
name = "beauty"
when = "beauty_orders >= 1"

[[segment]]
name = "vip"
when = "is_vip or value = 'high'"
lock = "5d"
"""

WELCOME = """
[playbook]
name = "welcome"
class = "marketing"
reentry = "once"
expires = "7d"

[trigger]
event = "signed_up"

[[step]]
id = "hello"
send = ["email"]
template = "welcome/hello"

[[step]]
wait = "2d"

[[step]]
id = "gift"
send = ["email"]
template = "welcome/gift"
coupon = "SERIES"
"""

THANKS = """
[playbook]
name = "thanks"
class = "service"
reentry = "always"
expires = "7d"

[trigger]
event = "order_completed"

[[step]]
id = "mail"
send = ["email"]
template = "thanks/mail"
coupon = "GIFT"
"""

WINBACK = """
[playbook]
name = "winback"
class = "marketing"
reentry = "180d"
expires = "7d"

[trigger]
enter = { lifecycle = "at_risk" }

[audience]
when = "value = 'high'"

[exit]
event = "order_completed"

[[step]]
id = "offer"
send = ["email"]
template = "winback/offer"

[[step]]
id = "answer"
wait_for = "order_completed"
timeout = "10d"

[[step]]
exit = "gave_up"
"""

BIRTHDAY = """
[playbook]
name = "birthday"
class = "marketing"
reentry = "300d"
expires = "2d"

[trigger]
date = { fact = "birthday", at = "09:00" }

[[step]]
id = "wish"
send = ["email"]
template = "birthday/wish"
"""

COUPONS = """
[coupons.GIFT]
kind = "pool"
valid = "30d"
worth = "10%"

[coupons.SERIES]
kind = "series"
worth = "5"
"""


def email(subject: str, html: str) -> str:
    """The text of an email's template; the link to unsubscribe is added."""
    foot = '<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>'
    return f"{{% block subject %}}{subject}{{% endblock %}}{{% block html %}}<p>{html}</p>{foot}{{% endblock %}}"


RULES: Mapping[str, str] = {
    "rules/facts.toml": FACTS,
    "rules/value.toml": VALUE,
    "rules/lifecycle.toml": LIFECYCLE,
    "rules/needs.toml": NEEDS,
}
PLAYBOOKS: Mapping[str, str] = {
    "playbooks/welcome.toml": WELCOME,
    "playbooks/thanks.toml": THANKS,
    "playbooks/winback.toml": WINBACK,
    "playbooks/birthday.toml": BIRTHDAY,
    "playbooks/coupons.toml": COUPONS,
}
TEMPLATES: Mapping[str, str] = {
    "templates/welcome/hello.email.j2": email("Hello", "Hello {{ facts.first_name | default('you', true) }}"),
    "templates/welcome/gift.email.j2": email("{{ coupon.worth }} for you", "{{ coupon.code }}"),
    "templates/thanks/mail.email.j2": email(
        "Thank you for {{ event.amount | money }}", "{{ event.category }} {{ coupon.code }} {{ coupon.worth }}"
    ),
    "templates/thanks/mail.email.zh-CN.j2": email(
        "谢谢 {{ event.amount | money }}", "{{ event.category }} {{ coupon.code }}"
    ),
    "templates/winback/offer.email.j2": email(
        "We miss you, {{ facts.first_name }}",
        "{{ facts.spend | money }} since {{ facts.last_order_at | date }}{% if facts.is_vip %}, dear friend{% endif %}",
    ),
    "templates/birthday/wish.email.j2": email("Happy birthday", "{{ facts.first_name }}"),
}
FILES: Mapping[str, str] = {**RULES, **PLAYBOOKS, **TEMPLATES}
