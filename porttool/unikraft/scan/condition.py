"""Boolean conditions over Kconfig symbols, as sums of products."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import lru_cache

#: A product: each symbol (without ``CONFIG_``) and whether it must be set.
Term = frozenset[tuple[str, bool]]

#: More products than this are not worth telling apart; see :meth:`Condition.__and__`.
_TERMS_MAX = 24


@dataclass(frozen=True, slots=True)
class Condition:
    """True when all literals of at least one term hold."""

    terms: frozenset[Term]

    def __and__(self, other: "Condition") -> "Condition":
        """Both; when that has too many terms, ``self`` alone stands for it."""
        if self is other or other is ALWAYS:
            return self
        return other if self is ALWAYS else _both(self, other)

    def __or__(self, other: "Condition") -> "Condition":
        """Either of the two; anything at all when that has too many terms."""
        return _either(self, other)

    def __invert__(self) -> "Condition":
        if self is ALWAYS:
            return NEVER
        return ALWAYS if self is NEVER else _negated(self)

    def given(self, values: Mapping[str, bool]) -> "Condition":
        """What is left of it when the symbols in ``values`` are as they say."""
        if not values:
            return self
        terms = []
        for term in self.terms:
            if all(values.get(name, wanted) == wanted for name, wanted in term):
                terms.append(frozenset(literal for literal in term if literal[0] not in values))
        return _simple(terms)

    def holds(self, enabled: Set[str]) -> bool:
        """Whether it is true when exactly these symbols are set."""
        return any(all((name in enabled) == wanted for name, wanted in term) for term in self.terms)

    def as_c(self) -> str:
        """What an ``#if`` has to say for it; 0 when it is never true."""
        terms = [
            " && ".join(f"{'' if wanted else '!'}CONFIG_{name}" for name, wanted in sorted(term))
            for term in self.terms
        ]
        return " || ".join(sorted(f"({term or '1'})" for term in terms)) or "0"


ALWAYS = Condition(frozenset([frozenset()]))
NEVER = Condition(frozenset())


def symbol(name: str) -> Condition:
    """True when the Kconfig symbol ``name`` (without ``CONFIG_``) is set."""
    return Condition(frozenset([frozenset([(name, True)])]))


def constant(value: bool) -> Condition:
    """The condition that is always ``value``."""
    return ALWAYS if value else NEVER


def _simple(terms: list[Term]) -> Condition:
    kept: list[Term] = []
    for term in sorted(set(terms), key=len):
        if any((name, not wanted) in term for name, wanted in term):
            continue
        if not any(other <= term for other in kept):
            kept.append(term)
    singles = {next(iter(term)) for term in kept if len(term) == 1}
    if any((name, not wanted) in singles for name, wanted in singles):
        return ALWAYS
    if not kept:
        return NEVER
    return Condition(frozenset(kept)) if kept[0] else ALWAYS


@lru_cache(maxsize=1 << 14)
def _both(one: Condition, other: Condition) -> Condition:
    made = _simple([a | b for a in one.terms for b in other.terms])
    return made if len(made.terms) <= _TERMS_MAX else one


@lru_cache(maxsize=1 << 14)
def _either(one: Condition, other: Condition) -> Condition:
    made = _simple([*one.terms, *other.terms])
    return made if len(made.terms) <= _TERMS_MAX else ALWAYS


@lru_cache(maxsize=1 << 12)
def _negated(one: Condition) -> Condition:
    made = ALWAYS
    for term in one.terms:
        inverse = _simple([frozenset([(name, not wanted)]) for name, wanted in term])
        made = made & inverse
    return made
