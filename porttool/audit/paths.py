"""Kernel paths that a function puts together from literals: formats, copies, open folders.

Values are followed within one function and straight on: what is not certain is not a path.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from pycparser import c_ast

#: A path of the kernel at the start of a string, perhaps below a root that is put in.
KERNEL_PATH = re.compile(r"(?:%s)?(/(proc|sys|dev)(?:/[^\s\"'`:;,()<>|&\\]*)?)(?![\w.-])")

#: Where in the arguments a function that formats has its target and its format.
_FORMATS = {
    "sprintf": (0, 1),
    "snprintf": (0, 2),
    "asprintf": (0, 1),
    "__builtin_sprintf": (0, 1),
    "__builtin_snprintf": (0, 2),
}
_COPIES = ("strcpy", "stpcpy", "strlcpy", "strncpy")
_APPENDS = ("strcat", "strlcat", "strncat")
#: These open a folder, by the index of its path; those take one and a path below it.
_OPENERS = {"open": 0, "opendir": 0, "open64": 0}
_AT = (
    *("openat", "openat64", "fstatat", "faccessat", "readlinkat", "statx", "mkdirat", "unlinkat"),
    "scandirat",
)
#: What is given to these is read and not written.
_READERS = {
    *("open", "open64", "fopen", "fopen64", "freopen", "opendir", "access", "stat", "lstat"),
    *(
        "stat64",
        "lstat64",
        "statfs",
        "statvfs",
        "readlink",
        "realpath",
        "chdir",
        "unlink",
        "strlen",
    ),
    *("scandir", "creat", "printf", "fprintf", "puts", "fputs", "perror", "strdup", "strcmp"),
    *("strncmp", "syslog", "err", "errx", "warn", "warnx", "sizeof"),
}
#: A longer string is no path.
_LENGTH_LIMIT = 4096
_SPECIFIER = re.compile(
    r"%(?:(?P<flags>[-+ #0']*)(?P<width>\*|\d*)(?:\.(?P<precision>\*|\d*))?"
    r"(?:hh|h|ll|l|q|L|j|z|t)?(?P<letter>[a-zA-Z%]))"
)


@dataclass(frozen=True, slots=True)
class Text:
    """What is known of a string; what is not stands in it as ``%s`` or another specifier.

    ``pieces`` are the literals in it, ``variables`` the file's own constants. ``place`` is the
    literal, also a constant's, that it begins with.
    """

    value: str
    pieces: tuple[int, ...] = ()
    variables: tuple[str, ...] = ()
    place: int | None = None

    def __add__(self, other: "Text") -> "Text":
        return Text(
            self.value + other.value,
            self.pieces + other.pieces,
            self.variables + other.variables,
            self.place if self.place is not None else other.place,
        )


@dataclass(frozen=True, slots=True)
class Built:
    """A path that was put together; ``function`` is where."""

    text: Text
    function: str


@dataclass(slots=True)
class _Writes:
    """How often each name of a function is assigned; ``untracked`` ones are written in parts."""

    assigned: dict[str, int] = field(default_factory=dict)
    untracked: set[str] = field(default_factory=set)


def _find_writes(body: c_ast.Node) -> _Writes:
    writes = _Writes()
    waiting = [body]
    while waiting:
        node = waiting.pop()
        target = None
        if isinstance(node, c_ast.Assignment):
            target = node.lvalue
        elif isinstance(node, c_ast.UnaryOp) and node.op in ("++", "--", "p++", "p--", "&"):
            target = node.expr
        if isinstance(target, c_ast.ID):
            writes.assigned[target.name] = writes.assigned.get(target.name, 0) + 1
        elif target is not None:
            inner = target
            while isinstance(inner, c_ast.ArrayRef | c_ast.UnaryOp | c_ast.BinaryOp | c_ast.Cast):
                inner = (
                    getattr(inner, "name", None)
                    or getattr(inner, "expr", None)
                    or (getattr(inner, "left", None))
                )
            if isinstance(inner, c_ast.ID):
                writes.untracked.add(inner.name)
        waiting += [child for _, child in node.children()]
    return writes


@dataclass(slots=True)
class PathFinder:
    """Follows the strings of one function after the other, as the walk over it goes.

    ``literal`` gives the text of a literal's piece. ``lookup`` gives the declaration of a variable
    in the scopes at this point: a local one and True, the file's own and False, or None.
    ``foreign`` says whether a name is that of a function that the upstream does not define.
    """

    literal: Callable[[int], str]
    lookup: Callable[[str], tuple[c_ast.Decl, bool] | None]
    foreign: Callable[[str], bool]
    built: dict[Built, None] = field(default_factory=dict)
    #: How often the file's constants became a part of a path.
    taken: dict[str, int] = field(default_factory=dict)
    _function: str = ""
    _body: c_ast.Node | None = None
    _tree: c_ast.Node | None = None
    _writes: _Writes | None = None
    _file_writes: _Writes | None = None
    _buffers: dict[str, Text] = field(default_factory=dict)
    _folders: dict[str, Text] = field(default_factory=dict)

    def begin_file(self, tree: c_ast.Node) -> None:
        """Begin with a translation unit."""
        self._tree = tree

    def begin(self, name: str, body: c_ast.Node) -> None:
        """Begin with a function."""
        self._function, self._body, self._writes = name, body, None
        self._buffers, self._folders = {}, {}

    def end(self) -> None:
        """End the function: what is in its buffers is whole."""
        self._forget(tuple(self._buffers))

    def enter(self, *, loop: bool = False) -> dict[str, Text]:
        """Enter a statement that may not be run, or be run again; gives what to leave it with."""
        if loop:
            self._forget(tuple(self._buffers))
        return dict(self._buffers)

    def leave(self, before: dict[str, Text]) -> None:
        """Leave that statement: what it changed is not certain any more."""
        self._forget([name for name, text in self._buffers.items() if before.get(name) != text])

    def assigned(self, target: c_ast.Node, value: c_ast.Node | None) -> None:
        """Note ``target = value``, where a name gets an open folder."""
        if isinstance(target, c_ast.ID):
            self._forget((target.name,))
            self._keep_folder(target.name, value, writes=1)

    def declared(self, node: c_ast.Decl) -> None:
        """Note a local variable: its initial value is a string or an open folder."""
        self._forget((node.name,))
        self._keep_folder(node.name, node.init, writes=0)
        if isinstance(node.type, c_ast.ArrayDecl):
            text = self._text(node.init)
            if text is not None and node.name not in self._of_function().untracked:
                self._buffers[node.name] = text

    def _keep_folder(self, name: str, value: c_ast.Node | None, *, writes: int) -> None:
        self._folders.pop(name, None)
        folder = self._opened(value)
        if folder is not None and self._of_function().assigned.get(name, 0) == writes:
            self._folders[name] = folder

    def _opened(self, node: c_ast.Node | None) -> Text | None:
        """The path of the folder that a call opens, or that a variable stands for."""
        if isinstance(node, c_ast.ID):
            return self._folders.get(node.name)
        if not isinstance(node, c_ast.FuncCall) or not isinstance(node.name, c_ast.ID):
            return None
        arguments = node.args.exprs if node.args is not None else []
        name = node.name.name
        if not self.foreign(name):
            return None
        if name in _OPENERS and len(arguments) > _OPENERS[name]:
            return self._text(arguments[_OPENERS[name]])
        if name in ("dirfd", "fdopendir") and arguments:
            return self._opened(arguments[0])
        if name in ("openat", "openat64") and len(arguments) > 1:
            return self._below(arguments[0], arguments[1])
        return None

    def called(self, name: str, arguments: Sequence[c_ast.Node]) -> None:
        """Note a call of a function that the upstream does not define."""
        if name in _FORMATS:
            self._format(arguments, *_FORMATS[name])
        elif name in _COPIES and len(arguments) > 1:
            self._set(arguments[0], self._text(arguments[1]))
        elif name in _APPENDS and len(arguments) > 1:
            self._append(arguments[0], self._text(arguments[1]))
        else:
            if name in _AT and len(arguments) > 1:
                below = self._below(arguments[0], arguments[1])
                if below is not None:
                    self._emit(below)
            self.passed(arguments, read=name in _READERS)

    def passed(self, arguments: Iterable[c_ast.Node], *, read: bool = False) -> None:
        """Note that values are given away: a buffer is whole, and written unless it is ``read``."""
        for argument in arguments:
            name = _buffer_name(argument)
            text = self._text(argument) if name is not None else None
            if text is not None and text.pieces:
                self._emit(text)
            if not read and name is not None:
                self._buffers.pop(name, None)

    def _format(self, arguments: Sequence[c_ast.Node], target: int, index: int) -> None:
        if len(arguments) <= index:
            return
        whole = self._text(arguments[index])
        if whole is not None:
            whole = self._fill(whole, arguments[index + 1 :])
        self._set(arguments[target], whole)

    def _fill(self, template: Text, values: Sequence[c_ast.Node]) -> Text:
        """A format with what is known of its values."""
        waiting = iter(values)
        filled = replace(template, value="")
        position = 0
        for match in _SPECIFIER.finditer(template.value):
            filled = replace(filled, value=filled.value + template.value[position : match.start()])
            position = match.end()
            if match["letter"] == "%":
                filled = replace(filled, value=filled.value + "%")
                continue
            for star in ("width", "precision"):
                if match[star] == "*":
                    next(waiting, None)
            value = next(waiting, None)
            known = None
            plain = match["letter"] == "s" and not (match["width"] or match["precision"])
            if value is not None and plain and match["precision"] is None:
                known = self._text(value)
            filled = filled + (known if known is not None else Text(match.group()))
        return replace(filled, value=filled.value + template.value[position:])

    def _text(self, node: c_ast.Node | None) -> Text | None:
        """What is known of the value of an expression."""
        while isinstance(node, c_ast.Cast):
            node = node.expr
        if isinstance(node, c_ast.Constant) and node.type == "string":
            pieces = self._literals(node)
            value = "".join(map(self.literal, pieces))
            return Text(value, pieces, (), pieces[0]) if len(value) <= _LENGTH_LIMIT else None
        name = _buffer_name(node)
        if name is None:
            return None
        if name in self._buffers:
            return self._buffers[name]
        found = self.lookup(name)
        if found is None:
            return None
        declaration, local = found
        initial = declaration.init
        if not isinstance(initial, c_ast.Constant) or initial.type != "string":
            return None
        if not self._is_constant(declaration, local=local):
            return None
        text = self._text(initial)
        if text is None or local:
            return text
        return replace(text, pieces=(), variables=(name,))

    def _literals(self, node: c_ast.Node) -> tuple[int, ...]:
        if not isinstance(node, c_ast.Constant) or node.type != "string":
            return ()
        return tuple(int(number) for number in node.value.strip('"').split(";") if number)

    def _is_constant(self, declaration: c_ast.Decl, *, local: bool) -> bool:
        """Whether a variable keeps the literal that it is initialised with."""
        name, kind = declaration.name, declaration.type
        if isinstance(kind, c_ast.ArrayDecl):
            kept = "const" in getattr(kind.type, "quals", ())
        elif isinstance(kind, c_ast.PtrDecl):
            # Another file can assign to a variable that is not static.
            kept = local or "static" in declaration.storage or "const" in kind.quals
        else:
            return False
        writes = self._of_function() if local else self._of_file()
        return kept and name not in writes.assigned

    def _of_function(self) -> _Writes:
        if self._writes is None:
            self._writes = _find_writes(self._body) if self._body is not None else _Writes()
        return self._writes

    def _of_file(self) -> _Writes:
        if self._file_writes is None:
            self._file_writes = _find_writes(self._tree) if self._tree is not None else _Writes()
        return self._file_writes

    def _set(self, target: c_ast.Node, text: Text | None) -> None:
        name = _buffer_name(target)
        if name is None:
            self._forget(_names_within(target))
            if text is not None:
                self._emit(text)
            return
        before = self._buffers.pop(name, None)
        if before is not None and not (text and set(before.pieces) <= set(text.pieces)):
            self._finish(before)
        found = self.lookup(name)
        tracked = found is not None and found[1] and name not in self._of_function().untracked
        if text is not None and tracked:
            self._buffers[name] = text
        elif text is not None:
            self._finish(text)

    def _append(self, target: c_ast.Node, text: Text | None) -> None:
        name = _buffer_name(target)
        if name is not None and name in self._buffers:
            whole = self._buffers[name] + (text if text is not None else Text("%s"))
            if len(whole.value) > _LENGTH_LIMIT or len(whole.pieces) > _LENGTH_LIMIT:
                del self._buffers[name]
            else:
                self._buffers[name] = whole

    def _below(self, folder: c_ast.Node, path: c_ast.Node) -> Text | None:
        base, text = self._opened(folder), self._text(path)
        if base is None or text is None or text.value.startswith("/"):
            return None
        # The folder's own path is one that is opened, too: its literal is not used up.
        return replace(text, value=f"{base.value.rstrip('/')}/{text.value}")

    def _forget(self, names: Iterable[str]) -> None:
        for name in names:
            text = self._buffers.pop(name, None)
            if text is not None:
                self._finish(text)

    def _finish(self, text: Text) -> None:
        """Take in a string that is whole, unless it is a literal as it stands."""
        whole = "".join(map(self.literal, text.pieces[:1]))
        if text.variables or len(text.pieces) > 1 or text.value != whole:
            self._emit(text)

    def _emit(self, text: Text) -> None:
        """Take in a string, if it is a path."""
        if text.place is None or not KERNEL_PATH.match(text.value):
            return
        built = Built(text, self._function)
        if built in self.built:
            return
        self.built[built] = None
        for name in dict.fromkeys(text.variables):
            self.taken[name] = self.taken.get(name, 0) + 1


def _buffer_name(node: c_ast.Node | None) -> str | None:
    """The variable that an argument is: ``buf``, ``&buf``, ``&buf[0]``."""
    while isinstance(node, c_ast.Cast):
        node = node.expr
    if isinstance(node, c_ast.UnaryOp) and node.op == "&":
        node = node.expr
        if isinstance(node, c_ast.ArrayRef):
            first = node.subscript
            zero = isinstance(first, c_ast.Constant) and first.value == "0"
            node = node.name if zero else None
    return node.name if isinstance(node, c_ast.ID) else None


def _names_within(node: c_ast.Node) -> Iterable[str]:
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, c_ast.ID):
            yield each.name
        waiting += [child for _, child in each.children()]
