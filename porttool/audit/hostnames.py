"""Names of the host's C library that hide behind macros, given back their public ones.

Only for want of musl's headers. glibc's ``isalpha`` is a macro that calls ``__ctype_b_loc``, though
its headers declare a function ``isalpha``, too: that is what other C libraries have.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from porttool.audit.declarations import Sort, SystemNames
from porttool.audit.macros import SourceView
from porttool.audit.model import AuditReport, Kind

if TYPE_CHECKING:
    from porttool.audit.unit import Use


def public_names(uses: Iterable["Use"], view: SourceView, system: SystemNames) -> Iterator["Use"]:
    """The uses, those of a reserved name under that of the declared function it stands for.

    A function whose name begins with an underscore stands for a macro on its line if the macro
    leads to it and the headers declare a function of the macro's name.
    """
    listed = list(uses)
    macros: dict[tuple[str, int], list[str]] = {}
    for use in listed:
        known = system.names.get(use.name)
        if use.kind is Kind.CONSTANT and known and known.fact.sort is Sort.FUNCTION:
            macros.setdefault((use.site.file, use.site.line), []).append(use.name)
    for use in listed:
        public: list[str] = []
        if use.kind is Kind.FUNCTION and use.name.startswith("_"):
            beside = macros.get((use.site.file, use.site.line), ())
            public = [name for name in beside if view.leads_to(name, use.name)]
        for name in public:
            known = system.names[name]
            yield replace(use, name=name, headers=tuple(known.headers), private=known.private)
        if not public:
            yield use


def environment_notes(report: AuditReport) -> Iterator[str]:
    """What is to be known of a report that was not made with gcc and musl's headers."""
    if report.preprocessor == "pcpp":
        yield "neither gcc nor cc is on the PATH: preprocessed with pcpp, as for x86-64 (gcc 12)"
    if report.headers_from != "musl":
        yield (
            "musl's headers are not installed: these are the host's C library's names, and some "
            "differ (apt-get install musl-dev)"
        )
        inner = [need.name for need in report.of_kind(Kind.FUNCTION) if need.name.startswith("__")]
        if inner:
            yield f"the host's own, for which another C library may have others: {' '.join(inner)}"
