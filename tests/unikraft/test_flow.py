"""What a function does on every way through it."""

import pytest

from porttool.unikraft.scan.flow import certain
from porttool.unikraft.scan.tokens import lex


def always(body: str) -> set[str]:
    """The functions named f… that a body calls on every way."""
    words = [text for _, text, _ in lex(body)]
    return {word for word in certain(words) if word.startswith("f_")}


@pytest.mark.parametrize(
    ("body", "called"),
    [
        ("f_a(); return f_b();", {"f_a", "f_b"}),
        ("if (f_a()) f_b(); else f_c();", {"f_a"}),
        ("if (x) { f_a(); f_b(); } else f_b();", {"f_b"}),
        ("if (x) return 0; f_a();", set()),
        ("f_a(); if (x) return 0; f_b();", {"f_a"}),
        # What a failure of its own leaves out is not left out.
        ("if (x) return -1; f_a();", {"f_a"}),
        ("if (x) return f_wrap(-EINVAL); f_a();", {"f_a"}),
        ("if (x) { errno = EINVAL; return 0; } f_a();", {"f_a"}),
        ("if (x) { errno = EINVAL; f_b(); } if (y) return 0; f_a();", set()),
        ("return x ? -EINVAL : f_a();", set()),
        ("return -1;", set()),
        ("for (;;) { f_a(); if (x) break; f_b(); } f_c();", {"f_a", "f_c"}),
        ("while (x) f_a(); f_b();", {"f_a", "f_b"}),
        ("do { f_a(); if (x) continue; f_b(); } while (f_c()); f_d();", {"f_a", "f_c", "f_d"}),
        ("switch (x) { case 1: f_a(); break; default: f_a(); f_b(); }", {"f_a"}),
        ("switch (x) { case 1: f_a(); }", set()),
        ("switch (x) { case 1: f_a(); default: f_b(); }", {"f_b"}),
        ("if (x) goto out; f_a(); out: f_b();", {"f_b"}),
        ("again: f_a(); if (x) goto again; f_b();", {"f_a", "f_b"}),
        ("f_a() && f_b();", {"f_a"}),
        ("f_z(x, f_a() || f_b(), f_c());", {"f_z", "f_a", "f_c"}),
        ("x = f_a() & f_b();", {"f_a", "f_b"}),
        ("y = x ? f_a() : f_a() + f_b();", {"f_a"}),
        ("int t[] = { f_a(), f_b() };", {"f_a", "f_b"}),
    ],
)
def test_what_is_called_on_every_way(body: str, called: set[str]) -> None:
    assert always(body) == called


@pytest.mark.parametrize("body", ["if f_a();", "(" * 500 + "f_a()" + ")" * 500 + ";", "switch"])
def test_of_what_is_not_understood_nothing_is_left_out(body: str) -> None:
    words = [text for _, text, _ in lex(body)]
    assert certain(words) == set(words)
