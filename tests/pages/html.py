"""What every page that porttool writes must be."""

from html.parser import HTMLParser

_VOID = {"meta", "link", "br", "hr", "img", "input", "col"}


class _Checker(HTMLParser):
    """Wants every element closed where it was opened, and nothing that is fetched or run."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.targets: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "link", "img", "iframe", "object", "base"), tag
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        for name, value in attrs:
            assert not name.startswith("on"), name
            assert name not in ("src", "srcset", "action", "style"), name
            if name == "href":
                assert value is not None
                assert value.startswith("#"), value
                self.targets.add(value[1:])
            if name == "id":
                assert value not in self.ids
                self.ids.add(value or "")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            assert "url(" not in data
            assert "@import" not in data
        else:
            self.text += data


def text_of(page: bytes) -> str:
    """The text of a page that is sound: well formed, self-contained, without script."""
    source = page.decode("utf-8")
    assert source.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert not [c for c in source if ord(c) < 0x20 and c not in "\t\n"]
    checker = _Checker()
    checker.feed(source)
    checker.close()
    assert not checker.open
    assert checker.targets <= checker.ids
    return checker.text
