"""Which system calls are made under a function, and which functions only pretend."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from porttool.unikraft.scan import flow
from porttool.unikraft.scan.condition import ALWAYS
from porttool.unikraft.scan.definitions import Definition
from porttool.unikraft.scan.tokens import CToken, Macros, expand, lex

_NUMBER = re.compile(r"(?:SYS|__NR)_(\w+)")
_HANDLER = re.compile(r"uk_syscall_[re](?:_[ue])?_(\w+)")
_SOCKETCALL = frozenset({"socketcall", "socketcall_cp", "__socketcall", "__socketcall_cp"})

#: What nearly every function of musl can reach, and what none needs in order to work: locks of
#: files, of memory and of the library, cancellation, and the ends of handlers and of the program.
_INFRASTRUCTURE = frozenset({
    "__lock", "__unlock", "__lockfile", "__unlockfile", "__ofl_lock", "__ofl_unlock",
    "__aio_close", "a_crash", "abort", "exit", "_exit", "_Exit", "__pthread_testcancel",
    "__pthread_setcancelstate", "pthread_setcancelstate", "pthread_testcancel",
    "__block_app_sigs", "__block_all_sigs", "__restore_sigs", "__wake", "__wait", "__futexwait",
    "__tl_lock", "__tl_unlock", "__tl_sync", "malloc", "free", "calloc", "realloc",
    "__libc_malloc", "__libc_free", "__assert_fail", "__stack_chk_fail", "__syscall_ret",
    "__syscall_cp", "__syscall_cp_c", "__vm_wait", "__vm_lock", "__vm_unlock", "__inhibit_ptc",
    "__acquire_ptc", "__release_ptc", "__init_tls", "__errno_location", "__restore", "__restore_rt",
})  # fmt: skip
_STEPS_MAX = 40
#: Of what does nothing with its parameters: refusing some values, and saying something.
_CHECKS = re.compile(
    r"(?<!\S)(?:\w+ \w ; )?(?:for \( [^()]* \) )?"
    r"if \( (?:unlikely \( )?[^()]*(?:\) )?\) return - E\w+ ;"
)
_SAYS = re.compile(r"UK_UNUSED|uk_pr_\w+")
#: A system call that is made where it stands; its result is what matters of it.
_CALL = re.compile(r"(?:__)?syscall(?:_cp)?|uk_syscall_r\w*")
#: Words that say more than what they are macros for: system calls and their numbers, errors.
_KEPT = re.compile(
    r"(?:__)?(?:syscall|socketcall)\w*|uk_syscall\w*|(?:SYS|__NR)_\w+|E[A-Z0-9]+|errno"
)
_EXPANSIONS_MAX = 6
_BODY_MAX = 2000
_WORDS_MAX = 50_000


@dataclass(frozen=True, slots=True)
class Node:
    """A definition as far as calls go: the system calls in its own text, and what it reaches.

    ``rarely`` is what of both happens on some ways through it alone, ``unchecked`` the system calls
    of which it never looks at the result.
    """

    syscalls: frozenset[str]
    reached: frozenset[str]
    rarely: frozenset[str] = frozenset()
    unchecked: frozenset[str] = frozenset()


def node(definition: Definition, macros: Macros, numbers: frozenset[str]) -> Node:
    """Look through the body of a definition and the macros in it.

    ``numbers`` are the names of the system calls that the architecture has.
    """
    syscalls: set[str] = set()
    reached: set[str] = {definition.alias} if definition.alias else set()
    seen: set[str] = set()
    todo = [list(definition.body)]
    steps = 0
    while todo and steps < _STEPS_MAX * 10:
        steps += 1
        words = todo.pop()
        for index, word in enumerate(words):
            following = words[index + 1] if index + 1 < len(words) else ""
            if name := _syscall_at(words, index, macros, numbers):
                syscalls.add(name)
                if word not in _SOCKETCALL:
                    continue
            if not (word[:1].isalpha() or word[:1] == "_"):
                continue
            if index and words[index - 1] in (".", "->"):
                continue
            if following == "(" or word.startswith("__") or not definition.function:
                reached.add(word)
            else:
                reached.add(f"={word}")
            if word not in seen:
                seen.add(word)
                todo += _bodies(word, macros)
    found = Node(frozenset(syscalls), frozenset(reached))
    if not definition.function or not (syscalls or reached):
        return found
    return _weighed(found, _expanded(definition.body, macros), macros, numbers)


def _weighed(found: Node, words: Sequence[str], macros: Macros, numbers: frozenset[str]) -> Node:
    """``found`` with what the text says of how it happens, ``words`` being all of that."""
    runs = flow.certain(words)
    named: dict[str, set[str]] = {}
    for index, word in enumerate(words):
        if name := _syscall_at(words, index, macros, numbers):
            named.setdefault(name, set()).add(word)
    seen = frozenset(words)
    rarely = {name for name, ways in named.items() if not ways & runs}
    rarely |= {name for name in found.reached if name.removeprefix("=") in seen - runs}
    ignored = _ignored(words)
    unchecked = {
        name
        for name, ways in named.items()
        if all(index in ignored for index, word in enumerate(words) if word in ways)
    }
    return replace(found, rarely=frozenset(rarely), unchecked=frozenset(unchecked))


def _ignored(words: Sequence[str]) -> frozenset[int]:
    """Indices of the words in statements that are a system call and nothing else."""
    closing = flow.brackets(words)
    opening = {end: start for start, end in closing.items()}
    found: set[int] = set()
    for index, word in enumerate(words[:-1]):
        end = closing.get(index + 1)
        if not _CALL.fullmatch(word) or end is None or words[end + 1 : end + 2] != [";"]:
            continue
        before = words[index - 1] if index else ";"
        if before == ")":
            # A branch or a loop around it, and no cast.
            start = opening.get(index - 1, 0)
            before = words[start - 1] if start else ""
        if before in (*";{}", "else", "if", "while", "for"):
            found.update(range(index, end))
    return frozenset(found)


def _expanded(body: Sequence[str], macros: Macros, depth: int = 0) -> list[str]:
    """``body`` with its macros in place, but for those around system calls and their numbers."""
    out: list[str] = []
    closing = flow.brackets(body)
    index = 0
    while index < len(body) and len(out) < _WORDS_MAX:
        word = body[index]
        index += 1
        macro = None if _KEPT.fullmatch(word) or depth > _EXPANSIONS_MAX else macros.only(word)
        if macro is None or len(macro.body) > _BODY_MAX:
            out.append(word)
        elif macro.parameters is None:
            made = [text for _, text, _ in lex(macro.body)]
            out += made if word in made else _expanded(made, macros, depth + 1)
        elif index in closing and body[index] == "(":
            inner = [CToken("", text, ALWAYS, 1) for text in body[index + 1 : closing[index]]]
            made = [token.text for token in expand(macro, inner, ALWAYS)]
            out += made if word in made else _expanded(made, macros, depth + 1)
            index = closing[index] + 1
        else:
            out.append(word)
    return out


def _syscall_at(
    words: Sequence[str], index: int, macros: Macros, numbers: frozenset[str]
) -> str | None:
    """The system call that a word names, or that is made by what it names."""
    word = words[index]
    if match := _NUMBER.fullmatch(word):
        return _number(match[1], word[: -len(match[1])], macros, numbers)
    if (match := _HANDLER.fullmatch(word)) and match[1] in numbers:
        return match[1]
    if word in _SOCKETCALL and index + 2 < len(words) and words[index + 2] in numbers:
        return words[index + 2]
    return None


def _number(name: str, prefix: str, macros: Macros, numbers: frozenset[str]) -> str | None:
    for _ in range(4):
        macro = macros.only(prefix + name)
        match = _NUMBER.fullmatch(macro.body.strip()) if macro else None
        if match is None:
            break
        name = match[1]
    return name if name in numbers else None


def _bodies(word: str, macros: Macros) -> Iterable[list[str]]:
    """Bodies of the macro ``word`` and of those it picks by their number of arguments."""
    for name in (word, *(f"{word}{count}" for count in range(7) if word.startswith("__sys_"))):
        macro = macros.only(name)
        if macro is not None and len(macro.body) < 2000:
            yield [text for _, text, _ in lex(macro.body)]


@dataclass(frozen=True, slots=True)
class Made:
    """The system calls under a function; the fields mean what they do in ``provides.Symbol``."""

    syscalls: tuple[str, ...]
    sometimes: tuple[str, ...]
    unchecked: tuple[str, ...]


class Graph:
    """Nodes of one library, by name. A name is looked up in its own file first."""

    def __init__(self) -> None:
        self._nodes: dict[tuple[str, str], list[Node]] = {}
        self._variables: set[tuple[str, str]] = set()
        self._scopes: dict[str, str] = {}

    def add(self, name: str, scope: str, found: Node, *, variable: bool) -> None:
        """``scope`` is the file for a static definition, or empty."""
        self._nodes.setdefault((scope, name), []).append(found)
        if variable:
            self._variables.add((scope, name))

    def syscalls(self, name: str, scope: str) -> "Made":
        """The system calls under a definition."""
        every, always = self._under(name, scope), self._under(name, scope, always=True)
        made = {call for each in every for call in each.syscalls}
        sure = {call for each in always for call in each.syscalls - each.rarely}
        checked = {call for each in every for call in each.syscalls - each.unchecked}
        return Made(_sorted(made), _sorted(made - sure), _sorted(made - checked))

    def _under(self, name: str, scope: str, *, always: bool = False) -> list[Node]:
        """The definitions that one can reach, or does on every way through it."""
        found: list[Node] = []
        seen: set[tuple[str, str]] = set()
        todo = [(scope, name) if (scope, name) in self._nodes else ("", name)]
        while todo:
            key = todo.pop()
            if key in seen:
                continue
            seen.add(key)
            for each in self._nodes.get(key, ()):
                found.append(each)
                reached = each.reached - each.rarely if always else each.reached
                todo += self._next(reached, scope if key[0] else self._scope(key[1], scope))
        return found

    def _scope(self, name: str, default: str) -> str:
        return self._scopes.get(name, default)

    def is_variable(self, name: str, scope: str) -> bool:
        """Whether what a file (``scope``) means by a name is a variable."""
        key = (scope, name) if (scope, name) in self._nodes else ("", name)
        return key in self._variables

    def _is_handed_on(self, name: str, scope: str) -> bool:
        """Whether a word that is not called is one of the file's functions, or a variable."""
        return (scope, name) in self._nodes or self.is_variable(name, scope)

    def locate(self, scopes: dict[str, str]) -> None:
        """Say which file defines each external name."""
        self._scopes = scopes

    def _next(self, reached: frozenset[str], scope: str) -> Iterable[tuple[str, str]]:
        for word in reached:
            name = word.removeprefix("=")
            if name in _INFRASTRUCTURE or (word[0] == "=" and not self._is_handed_on(name, scope)):
                continue
            if (scope, name) in self._nodes:
                yield scope, name
            elif ("", name) in self._nodes:
                yield "", name
            elif (HEADERS, name) in self._nodes:
                yield HEADERS, name


HEADERS = "<headers>"
"""Scope of functions that headers define in every file that includes them."""


def stub(definition: Definition, *, empty_counts: bool) -> str | None:
    """How a function pretends, one of ``provides.STUBS``, or None when it does its work.

    ``empty_counts`` says whether a body that does nothing is a stub rather than all there is to do.
    """
    body = definition.body
    if not definition.function or definition.alias:
        return None
    for word in body:
        # A warning after an answer is for what the function cannot do, not for all of it.
        if word == "return":
            break
        if word in ("UK_WARN_STUBBED", "WARN_STUBBED"):
            return "warn"
    answers = _returned(body)
    if "ENOSYS" in body and answers and all(_fails(each, body) for each in answers):
        return "enosys"
    if empty_counts and _idle(body):
        return "empty"
    return None


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))


def _returned(body: tuple[str, ...]) -> list[tuple[str, ...]]:
    answers = []
    for index, word in enumerate(body):
        if word == "return":
            try:
                end = body.index(";", index)
            except ValueError:
                end = len(body)
            answers.append(body[index + 1 : end])
    return answers


def _fails(answer: tuple[str, ...], body: tuple[str, ...]) -> bool:
    if "ENOSYS" in answer:
        return "?" not in answer
    words = tuple(word for word in answer if word not in "()")
    assigned = any(
        body[index : index + 3] == ("errno", "=", "ENOSYS") for index in range(len(body) - 2)
    )
    return assigned and (words in (("-", "1"), ("NULL",), ("0",)) or "SIG_ERR" in words)


def _idle(body: tuple[str, ...]) -> bool:
    """Only parameters that are unused or checked, and a constant answer."""
    statements: list[list[str]] = [[]]
    for word in _CHECKS.sub("", " ".join(body)).split():
        if word == ";":
            statements.append([])
        else:
            statements[-1].append(word)
    for words in statements:
        if not words or words[:3] == ["(", "void", ")"] or _SAYS.fullmatch(words[0]):
            continue
        if words[0] == "return" and all(word in ("(", ")", "0", "NULL") for word in words[1:]):
            continue
        return False
    return True
