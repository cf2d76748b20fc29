"""Building messages from prepared parts, compared with the standard library, from the same texts.

``python -m bench.mime --size N`` prints one JSON line. Both sides start from the result of rendering: ours from the
rendered message, ``EmailMessage`` from its subject, text and HTML. Rounds alternate; medians are compared.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from statistics import median

from engine.channels import CHANNELS
from engine.channels.base import blocks_of
from engine.clock import to_datetime
from engine.messages.email.headers import Mailbox
from engine.messages.email.mime import Envelope, build, message_id
from engine.messages.render import RenderContext, Rendered
from engine.messages.templates import TemplateLibrary

BAR = 15.0
ROUNDS = 7
AT = 1_790_000_000_000
UNSUBSCRIBE = "https://example.com/u/0123456789abcdef"

LAYOUT = """<!doctype html><html><head><meta charset="utf-8"><title>{% block subject %}{% endblock %}</title>
<style>body{font-family:sans-serif;color:#222} p{margin:0 0 12px;line-height:1.5} .b{background:#0a5;color:#fff}</style>
</head><body><h1>{{ brand.name }}</h1>{% block html %}{% endblock %}
<p><a href="{{ unsubscribe_url }}">退订 · Unsubscribe</a></p></body></html>"""

OFFER = (
    """{% extends "layouts/base.email.j2" %}
{% block subject %}{{ user.name }}，我们为您准备了一份礼物{% endblock %}
{% block html %}<p>亲爱的 {{ user.name }}：</p>
"""
    + 6
    * """<p>感谢您一直以来的支持。您最近一年共消费 {{ facts.spend_365d | money }}，
我们挑选了几件您可能会喜欢的商品。<a class="b" href="{{ brand.url }}?u={{ user.key }}">去看看</a></p>
"""
    + """<p>优惠码 <b>{{ coupon }}</b>，有效期至 {{ until | date }}。</p>{% endblock %}"""
)


def library() -> TemplateLibrary:
    brand = {"brand": {"name": "示例商店", "url": "https://example.com/shop"}}
    sources = {"layouts/base.email.j2": LAYOUT, "winback/offer.email.zh-CN.j2": OFFER}
    return TemplateLibrary(sources, blocks_of(CHANNELS), "zh-CN", brand)


def context(number: int) -> RenderContext:
    values: dict[str, object] = {
        "user": {"name": f"王小{chr(0x4E00 + number % 5000)}", "key": f"u{number:07d}"},
        "facts": {"spend_365d": 100_000 + number * 7},
        "coupon": f"WIN-{number:06X}",
        "until": AT + number % 30 * 86_400_000,
        "unsubscribe_url": f"{UNSUBSCRIBE}{number:08x}",
    }
    return RenderContext(values, "zh-CN", "CNY", "Asia/Shanghai")


def envelope(number: int) -> Envelope:
    key = f"action-{number}"
    sender, recipient = Mailbox("hello@example.com", "示例商店"), Mailbox(f"user{number}@example.org")
    return Envelope(key, AT, message_id(key, "example.com"), sender, recipient, None, f"{UNSUBSCRIBE}{number:08x}")


def floor(message: tuple[str, str, str], head: Envelope) -> bytes:
    """Build the same message with the standard library only."""
    subject, html, text = message
    built = EmailMessage(policy=SMTP)
    built["Date"] = format_datetime(to_datetime(head.at))
    built["Message-ID"] = head.message_id
    built["From"] = Address(head.sender.name, addr_spec=head.sender.address)
    built["To"] = Address(addr_spec=head.recipient.address)
    built["Subject"] = subject
    built["List-Unsubscribe"] = f"<{head.unsubscribe_url}>"
    built["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    built.set_content(text)
    built.add_alternative(html, subtype="html")
    return built.as_bytes()


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure(size: int) -> dict[str, object]:
    template = library().find("winback/offer", "email", "zh-CN")
    rendered: list[Rendered] = [template.render(context(number)) for number in range(size)]
    heads = [envelope(number) for number in range(size)]
    few = max(1, size // 10)
    texts = [(message.subject, message.html, message.text) for message in rendered[:few]]
    ours, theirs, whole = [], [], []
    for _ in range(ROUNDS):
        ours.append(seconds(lambda: [build(*pair) for pair in zip(rendered, heads, strict=True)]) / size)
        theirs.append(seconds(lambda: [floor(*pair) for pair in zip(texts, heads, strict=False)]) / few)
        whole.append(seconds(lambda: [build(template.render(context(n)), heads[n]) for n in range(size)]) / size)
    ratio = median(theirs) / median(ours)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)
    return {
        "bench": "mime",
        "ratio": round(ratio, 1),
        "bar": BAR,
        "met": ratio >= BAR,
        "size": size,
        "peak_mb": round(peak),
        "built_per_second": round(1 / median(ours)),
        "rendered_and_built_per_second": round(1 / median(whole)),
        "floor_per_second": round(1 / median(theirs)),
        "octets": len(build(rendered[0], heads[0])),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2_000, help="messages in a round")
    result = measure(parser.parse_args().size)
    print(json.dumps(result))
    return 0 if result["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
