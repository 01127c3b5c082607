"""What a C function does on every way through it, told from its tokens.

Statements are parsed as far as they say where control goes; expressions as far as ``&&``, ``||``
and ``?:`` do. The body of a loop counts as run, since that is what it is there for. A way that ends
in a failure of the function's own making (``return -1``, or anything after ``errno = EINVAL``) does
not count: nothing works on it anyway.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_ERROR = re.compile(r"E[A-Z][A-Z0-9]+")
_FAILED = (("-", "1"), ("MAP_FAILED",), ("SIG_ERR",))
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_NESTING_MAX = 100
_STATEMENTS_MAX = 20_000

State = frozenset[str] | None
"""The words that have run whichever way led here; None where nothing leads."""


def certain(words: Sequence[str]) -> frozenset[str]:
    """The words of a function's body that run on every way that is no failure.

    All of them when the body is not understood: then nothing is said to be left out.
    """
    try:
        return _Flow(words).run()
    except (_NotUnderstood, IndexError, KeyError, RecursionError):
        return frozenset(words)


class _NotUnderstood(Exception):
    """The words are no body of a function, or one nested too deeply."""


@dataclass(slots=True)
class _Around:
    """Where ``break`` and ``continue`` of the statement around lead, with what has run by then."""

    left: list[State] = field(default_factory=list)


class _Flow:
    def __init__(self, words: Sequence[str]) -> None:
        self._words = list(words)
        self._closing = brackets(words)
        self._at = 0
        self._nesting = 0
        self._statements = 0
        self._ends: list[State] = []
        self._jumps: dict[str, State] = {}
        self._around: list[_Around] = []
        self._errno = False

    def run(self) -> frozenset[str]:
        state: State = frozenset()
        while self._at < len(self._words):
            state = self._statement(state)
        for end in self._ends:
            state = _meet(state, end)
        # Nothing but failures, or it never comes back: all that stands there is what it does.
        return frozenset(self._words) if state is None else state

    def _statement(self, state: State) -> State:
        self._nesting += 1
        self._statements += 1
        if self._nesting > _NESTING_MAX or self._statements > _STATEMENTS_MAX:
            raise _NotUnderstood
        try:
            return self._any(state)
        finally:
            self._nesting -= 1

    def _any(self, state: State) -> State:
        word = self._words[self._at]
        following = self._words[self._at + 1] if self._at + 1 < len(self._words) else ""
        if word == "{":
            end = self._closing[self._at]
            self._at += 1
            while self._at < end:
                state = self._statement(state)
            self._at = end + 1
            return state
        if word in ("case", "default") or (following == ":" and _is_name(word)):
            return self._label(word, state)
        known = {
            "if": self._if, "while": self._while, "for": self._for, "do": self._do,
            "switch": self._switch, "return": self._return, "goto": self._goto,
            "break": self._leave, "continue": self._leave,
        }  # fmt: skip
        if word in known:
            self._at += 1
            return known[word](state)
        end = self._end()
        after = self._expression(self._at, end, state)
        if self._words[self._at : self._at + 2] == ["errno", "="]:
            self._errno = any(_ERROR.fullmatch(each) for each in self._words[self._at : end])
        self._at = end + 1
        return after

    def _label(self, word: str, state: State) -> State:
        if word == "case":
            while self._words[self._at] != ":":
                self._at += 1
        else:
            self._at += 1
        self._at += 1
        if word in ("case", "default"):
            # The state before is that of the fall through; the switch has put in its own.
            return _meet(state, self._jumps.get("case"))
        # Nobody has jumped here yet when all jumps are from further on: those have run more.
        state = _meet(state, self._jumps.pop(word, None))
        return frozenset() if state is None else state

    def _bracketed(self, state: State) -> State:
        """The state after the bracketed expression that comes next."""
        if self._words[self._at] != "(":
            raise _NotUnderstood
        end = self._closing[self._at]
        state = self._expression(self._at + 1, end, state)
        self._at = end + 1
        return state

    def _if(self, state: State) -> State:
        state = self._bracketed(state)
        one = self._branch(state)
        other = state
        if self._at < len(self._words) and self._words[self._at] == "else":
            self._at += 1
            other = self._branch(state)
        return _meet(one, other)

    def _branch(self, state: State) -> State:
        self._errno = False
        state = self._statement(state)
        self._errno = False
        return state

    def _while(self, state: State) -> State:
        forever = self._words[self._at + 1 : self._at + 3] == ["1", ")"]
        state = self._bracketed(state)
        return self._loop(state, forever=forever)

    def _for(self, state: State) -> State:
        end = self._closing[self._at]
        first = self._find(";", self._at + 1, end)
        second = self._find(";", first + 1, end)
        state = self._expression(self._at + 1, first, state)
        state = self._expression(first + 1, second, state)
        self._at = end + 1
        return self._loop(state, forever=second == first + 1)

    def _loop(self, state: State, *, forever: bool) -> State:
        self._around.append(_Around())
        state = self._statement(state)
        around = self._around.pop()
        after = None if forever else state
        for each in around.left:
            after = _meet(after, each)
        return after

    def _do(self, state: State) -> State:
        state = self._loop(state, forever=False)
        if self._words[self._at] != "while":
            raise _NotUnderstood
        self._at += 1
        state = self._bracketed(state)
        self._at += 1
        return state

    def _switch(self, state: State) -> State:
        state = self._bracketed(state)
        outer = self._jumps.get("case")
        self._jumps["case"] = state
        self._around.append(_Around())
        start = self._at
        after = self._statement(None)
        around = self._around.pop()
        if "default" not in self._words[start : self._at]:
            after = _meet(after, state)
        for each in around.left:
            after = _meet(after, each)
        self._jumps["case"] = outer
        return after

    def _return(self, state: State) -> State:
        end = self._end()
        answer = self._words[self._at : end]
        if not (self._errno or _is_failure(answer)):
            self._ends.append(self._expression(self._at, end, state))
        self._at = end + 1
        return None

    def _goto(self, state: State) -> State:
        name = self._words[self._at]
        self._jumps[name] = _meet(state, self._jumps.get(name))
        self._at += 2
        return None

    def _leave(self, state: State) -> State:
        if self._around:
            self._around[-1].left.append(state)
        self._at += 1
        return None

    def _end(self) -> int:
        """Index of the semicolon that ends the statement here."""
        return self._find(";", self._at, len(self._words))

    def _find(self, wanted: str, start: int, end: int) -> int:
        """Index of the first ``wanted`` outside of brackets, or ``end``."""
        index = start
        while index < end:
            if self._words[index] == wanted:
                return index
            index = self._closing.get(index, index) + 1
        return end

    def _expression(self, start: int, end: int, state: State) -> State:
        """The state after the expression between two indices."""
        return None if state is None else state | self._runs(start, end)

    def _runs(self, start: int, end: int) -> frozenset[str]:
        """The words of an expression that run whatever its parts are."""
        self._nesting += 1
        if self._nesting > _NESTING_MAX:
            raise _NotUnderstood
        try:
            comma = self._find(",", start, end)
            if comma < end:
                return self._list(start, end)
            question = self._find("?", start, end)
            if question < end:
                colon = self._find(":", question + 1, end)
                either = self._runs(question + 1, colon) & self._runs(colon + 1, end)
                return self._runs(start, question) | either
            return self._operand(
                start, min(self._pair("&", start, end), self._pair("|", start, end))
            )
        finally:
            self._nesting -= 1

    def _list(self, start: int, end: int) -> frozenset[str]:
        found: set[str] = set()
        while start < end:
            comma = self._find(",", start, end)
            found |= self._runs(start, comma)
            start = comma + 1
        return frozenset(found)

    def _operand(self, start: int, end: int) -> frozenset[str]:
        found: set[str] = set()
        index = start
        while index < end:
            found.add(self._words[index])
            closing = self._closing.get(index)
            if closing is not None:
                found |= self._runs(index + 1, closing)
                index = closing
            index += 1
        return frozenset(found)

    def _pair(self, half: str, start: int, end: int) -> int:
        """Index of the first operator made of two ``half`` outside of brackets, or ``end``."""
        at = self._find(half, start, end)
        while at < end and self._words[at : at + 2] != [half, half]:
            at = self._find(half, at + 1, end)
        return at


def brackets(words: Sequence[str]) -> Mapping[int, int]:
    """Index of each opening bracket -> index of the one that closes it."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for index, word in enumerate(words):
        if word in _CLOSING:
            opened.append(index)
        elif opened and word == _CLOSING[words[opened[-1]]]:
            found[opened.pop()] = index
    return found


def _meet(one: State, other: State) -> State:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _is_name(word: str) -> bool:
    return word[:1].isalpha() or word[:1] == "_"


def _is_failure(answer: Sequence[str]) -> bool:
    if "?" not in answer and any(_ERROR.fullmatch(word) for word in answer):
        return True
    return tuple(word for word in answer if word not in "()") in _FAILED
