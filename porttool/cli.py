"""The command line: options and dispatch, nothing else.

Commands are imported when they are called, so that ``porttool --help`` stays quick.
"""

import errno
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from porttool import ui
from porttool.errors import ExitCode, PorttoolError, UserError
from porttool.interrupts import interruptible
from porttool.series.side import Side
from porttool.unikraft import DEFAULT_RELEASE

if TYPE_CHECKING:
    from porttool.commands.build import Wanted
    from porttool.series.edit import Place

app = typer.Typer(
    name="porttool",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Port a small C Prometheus exporter to Unikraft and keep it ported.",
    epilog="Exit codes: 0 ok, 1 user error, 2 usage, 3 a decision is needed, 4 a check failed, "
    "70 internal error, 130 interrupted.",
)

# How --help sorts the commands.
_PORT, _UPSTREAM = "The port", "Upstream and the series"
_EDIT, _LOOK = "Edit the series", "Look and check"

# How audit-deps --help sorts its options.
_QUESTIONS, _FORMATS = "Questions", "Formats"

_PATCH = "A patch of the series: its name, or the beginning of it such as its number."

Patches = Annotated[list[str], typer.Argument(metavar="PATCH", help=_PATCH)]
Before = Annotated[str | None, typer.Option(metavar="PATCH", help="Put it before this one.")]
After = Annotated[str | None, typer.Option(metavar="PATCH", help="Put it behind this one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write the result as JSON.")]
Html = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="FILE",
        help="Write the result as a self-contained page, too.",
        resolve_path=True,  # a refresh may leave the folder that it was started in
    ),
]


def _version(wanted: bool) -> None:
    if wanted:
        from porttool import __version__

        ui.show(f"porttool {__version__}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    directory: Annotated[
        Path,
        typer.Option("--directory", "-C", metavar="DIR", help="The port workspace to work in."),
    ] = Path(),
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Take the options that every command has."""
    _require_folder()
    ctx.obj = directory


@app.command(rich_help_panel=_PORT)
def init(
    url: Annotated[str, typer.Argument(help="Git URL or path of the upstream, or bundled:NAME.")],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The workspace to make.")],
    ref: Annotated[
        str | None,
        typer.Option(help="Tag, branch or commit to pin.", show_default="the newest release tag"),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the library.", show_default="from the URL")
    ] = None,
    unikraft: Annotated[str, typer.Option(help="Target Unikraft release.")] = DEFAULT_RELEASE,
    as_json: AsJson = False,
) -> None:
    """Make a new port workspace: pin an upstream and guess what to build of it."""
    from porttool.commands.init import init

    _run(lambda: init(url, directory, ref=ref, name=name, unikraft=unikraft, as_json=as_json))


@app.command(rich_help_panel=_PORT)
def fetch(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Fetch the pinned upstream into the user's cache and verify it."""
    from porttool.commands.fetch import fetch

    _run(lambda: fetch(ctx.obj, as_json=as_json))


@app.command(rich_help_panel=_PORT)
def apply(
    ctx: typer.Context,
    to: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where.", show_default=".porttool/tree")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Throw away edits in the default worktree.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check the pin out with the series on top, one commit a patch."""
    from porttool.commands.apply import apply

    _run(lambda: apply(ctx.obj, to, force=force, as_json=as_json))


@app.command(rich_help_panel=_UPSTREAM)
def refresh(
    ctx: typer.Context,
    onto: Annotated[
        str | None, typer.Option(metavar="REF", help="Move the series to this upstream ref.")
    ] = None,
    step: Annotated[
        bool,
        typer.Option("--step", help="With --onto: one touching upstream commit after the other."),
    ] = False,
    drop_absorbed: Annotated[
        bool, typer.Option("--drop-absorbed", help="Drop patches that upstream has by now.")
    ] = False,
    reuse: Annotated[
        bool,
        typer.Option("--reuse/--no-reuse", help="Solve a conflict as it was solved before."),
    ] = True,
    resume: Annotated[
        bool, typer.Option("--continue", help="Take up what was solved or edited, and go on.")
    ] = False,
    skip: Annotated[
        bool, typer.Option("--skip", help="Leave the patch that waits out, and go on.")
    ] = False,
    abort: Annotated[
        bool, typer.Option("--abort", help="Give up; everything is as it was before.")
    ] = False,
    take: Annotated[
        Side | None,
        typer.Option(help="Which side counts when patches/ and the worktree were both edited."),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show the whole interdiff of a long patch.")
    ] = False,
    html: Html = None,
    as_json: AsJson = False,
) -> None:
    """Import the series, take up the worktree's commits, export, audit and emit."""
    going_on = [name for name, on in (("continue", resume), ("skip", skip), ("abort", abort)) if on]
    beginning = onto is not None or step or take is not None or not reuse
    if len(going_on) > 1 or (going_on and beginning):
        raise typer.BadParameter(f"--{going_on[0]} stands alone")
    if drop_absorbed and (skip or abort):
        raise typer.BadParameter(f"--drop-absorbed does not go with --{going_on[0]}")
    if html is not None and abort:
        raise typer.BadParameter("--html does not go with --abort")
    if step and onto is None:
        raise typer.BadParameter("--step goes with --onto REF")
    from porttool.commands import refresh as command
    from porttool.commands.interdiffs import View

    def chosen() -> ExitCode:
        if abort:
            return command.abort(ctx.obj, as_json=as_json)
        view = View(verbose, html)
        if skip:
            return command.skip(ctx.obj, view=view, as_json=as_json)
        if resume:
            absorbed = drop_absorbed
            return command.resume(ctx.obj, drop_absorbed=absorbed, view=view, as_json=as_json)
        options = command.Options(onto, take, drop_absorbed, step, reuse)
        return command.refresh(ctx.obj, options, view=view, as_json=as_json)

    _run(chosen)


@app.command(rich_help_panel=_UPSTREAM)
def forecast(
    ctx: typer.Context,
    refs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="REF", help="Upstream refs.", show_default="all newer tags, the newest commit"
        ),
    ] = None,
    html: Html = None,
    as_json: AsJson = False,
) -> None:
    """Show what each newer upstream would mean for each patch, touching nothing."""
    from porttool.commands.forecast import forecast

    _run(lambda: forecast(ctx.obj, refs or (), html=html, as_json=as_json))


@app.command(rich_help_panel=_EDIT)
def edit(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="PATCH", help=_PATCH)],
    as_json: AsJson = False,
) -> None:
    """Work on one patch, its text or its header; the later ones follow."""
    from porttool.commands.edit import edit

    _run(lambda: edit(ctx.obj, name, as_json=as_json))


@app.command(rich_help_panel=_EDIT)
def new(
    ctx: typer.Context,
    subject: Annotated[str, typer.Argument(help="What the patch does, in one line.")],
    status: Annotated[str, typer.Option(metavar="TEXT", help="Its Upstream-Status.")] = "Pending",
    author: Annotated[
        str | None,
        typer.Option(metavar="NAME <ADDRESS>", help="Its author.", show_default="git's user.name"),
    ] = None,
    before: Before = None,
    after: After = None,
    as_json: AsJson = False,
) -> None:
    """Begin a patch, behind the last one or at another place."""
    from porttool.commands.new import new

    place = _place(before, after)
    _run(lambda: new(ctx.obj, subject, place, status=status, author=author, as_json=as_json))


@app.command(rich_help_panel=_EDIT)
def drop(ctx: typer.Context, names: Patches, as_json: AsJson = False) -> None:
    """Take patches out of the series; the later ones follow."""
    from porttool.commands.drop import drop

    _run(lambda: drop(ctx.obj, names, as_json=as_json))


@app.command(rich_help_panel=_EDIT)
def move(
    ctx: typer.Context,
    names: Patches,
    before: Before = None,
    after: After = None,
    as_json: AsJson = False,
) -> None:
    """Put patches elsewhere in the series, behind the last one by default."""
    from porttool.commands.move import move

    place = _place(before, after)
    _run(lambda: move(ctx.obj, names, place, as_json=as_json))


@app.command(rich_help_panel=_EDIT)
def fold(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="PATCH", help=_PATCH)],
    into: Annotated[
        str | None, typer.Option(metavar="PATCH", help="Into which.", show_default="the one before")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make two patches one, with both messages and the name of the one folded into."""
    from porttool.commands.fold import fold

    _run(lambda: fold(ctx.obj, name, into, as_json=as_json))


@app.command(rich_help_panel=_EDIT)
def split(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="PATCH", help=_PATCH)],
    parts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE[:HUNK,HUNK…]", help="What goes into the new patch; without, list it all."
        ),
    ] = None,
    subject: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the new patch does, in one line.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put files or hunks of a patch into a new one before it, or list them."""
    from porttool.commands import split as command

    if not parts and subject is not None:
        raise typer.BadParameter("name the files or hunks that the new patch is to get")
    if not parts:
        _run(lambda: command.show_parts(ctx.obj, name, as_json=as_json))
    if subject is None:
        raise typer.BadParameter("--subject says what the new patch does")
    _run(lambda: command.split(ctx.obj, name, parts, subject, as_json=as_json))


@app.command("import", rich_help_panel=_EDIT)
def import_(
    ctx: typer.Context,
    path: Annotated[
        Path, typer.Argument(help="A folder with a series (quilt, gbp), a mailbox, or a patch.")
    ],
    as_json: AsJson = False,
) -> None:
    """Take up patches from elsewhere, behind those of the series."""
    from porttool.commands.import_ import import_

    _run(lambda: import_(ctx.obj, path, as_json=as_json))


@app.command(rich_help_panel=_UPSTREAM)
def send(
    ctx: typer.Context,
    names: Patches,
    onto: Annotated[
        str | None,
        typer.Option(metavar="REF", help="For which upstream.", show_default="its newest commit"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where.", show_default="NAME.mbox"),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Where it is sent to, for the record in the patch.")
    ] = None,
    record: Annotated[
        bool, typer.Option("--record/--no-record", help="Mark the patch as Submitted.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Write patches marked Pending as a mail-ready file for upstream, and record that."""
    from porttool.commands.send import send

    _run(
        lambda: send(
            ctx.obj, names, onto=onto, output=output, url=url, record=record, as_json=as_json
        )
    )


@app.command("audit-deps", rich_help_panel=_LOOK)
def audit_deps(
    ctx: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH",
            help="Folders or files of C; with --compare also git URLs and URL@REF.",
            show_default="the port",
        ),
    ] = None,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare", help="Rank exporters by what they would need.", rich_help_panel=_QUESTIONS
        ),
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="REF",
            help="What upstream needs that it did not need at REF, and the other way.",
            show_default="the pin, with --until",
            rich_help_panel=_QUESTIONS,
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="REF",
            help="Where --since ends.",
            show_default="the newest release",
            rich_help_panel=_QUESTIONS,
        ),
    ] = None,
    why: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="How the program comes to need NAME, which may be a glob.",
            rich_help_panel=_QUESTIONS,
        ),
    ] = None,
    releases: Annotated[
        bool,
        typer.Option(
            "--releases", help="The status in every Unikraft release.", rich_help_panel=_QUESTIONS
        ),
    ] = False,
    unpatched: Annotated[
        bool, typer.Option("--unpatched", help="The port without its series.")
    ] = False,
    define: Annotated[
        list[str] | None, typer.Option(metavar="NAME[=VALUE]", help="Define a macro.")
    ] = None,
    include: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="Search this folder for headers.")
    ] = None,
    compile_commands: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Take flags from this compile_commands.json."),
    ] = None,
    trust_make: Annotated[
        bool,
        typer.Option("--trust-make", help="Take flags from make -n, which runs upstream's code."),
    ] = False,
    config: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=DEF[,DEF]", help="Audit this configuration, and other ones given."
        ),
    ] = None,
    all_configs: Annotated[
        bool, typer.Option("--all-configs", help="Audit every branch of the sources' #if.")
    ] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Neither use nor keep results of earlier audits.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write the result as JSON.", rich_help_panel=_FORMATS)
    ] = False,
    markdown: Annotated[
        bool,
        typer.Option("--markdown", help="Write the result as Markdown.", rich_help_panel=_FORMATS),
    ] = False,
    sarif: Annotated[
        bool,
        typer.Option("--sarif", help="Write the result as SARIF 2.1.0.", rich_help_panel=_FORMATS),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            help="Write the result as a self-contained page, too.",
            rich_help_panel=_FORMATS,
        ),
    ] = None,
    release: Annotated[
        str | None,
        typer.Option(help="Unikraft release to hold it against.", show_default="the port's target"),
    ] = None,
    catalogue: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Hold it against a scanned Unikraft tree.")
    ] = None,
    fail_on: Annotated[
        str | None,
        typer.Option(
            metavar="STATUS[,STATUS]",
            help="Exit with 4 when a need is absent, declared-only, runtime, stubbed, patched, "
            "own or provided.",
        ),
    ] = None,
) -> None:
    """List every libc, POSIX, Linux and pthread name that C code uses, with file and line.

    Each comes with what the Unikraft release has of it; what is missing comes first. Or answer
    one of the questions below.
    """
    spans = since is not None or until is not None
    asked = [
        name for name, on in (("compare", compare), ("since", spans), ("releases", releases)) if on
    ]
    wanted = [
        name for name, on in (("json", as_json), ("markdown", markdown), ("sarif", sarif)) if on
    ]
    for names in (asked, wanted):
        if len(names) > 1:
            raise typer.BadParameter(f"--{names[0]} and --{names[1]} exclude each other")
    if unpatched and (compare or spans):
        raise typer.BadParameter(f"--unpatched does not go with --{asked[0]}: no series is applied")
    if spans and len(paths or ()) > 1:
        raise typer.BadParameter("--since takes one repository")
    from porttool.commands.answers import Format, Output
    from porttool.commands.auditing import Build
    from porttool.commands.subjects import Request, Target

    named = tuple(paths or ())
    output = Output(Format(wanted[0]) if wanted else Format.TABLE, html)

    def chosen() -> ExitCode:
        request = Request(
            paths=() if compare or spans else tuple(map(Path, named)),
            workspace=ctx.obj,
            unpatched=unpatched,
            includes=tuple(include or ()),
            defines=tuple(define or ()),
            target=Target(release, catalogue, fail_on),
            build=Build(
                compile_commands, trust_make, tuple(config or ()), all_configs, not no_cache
            ),
        )
        if compare:
            from porttool.commands.questions.compare import compare as rank

            return rank(named, request, output)
        if spans:
            from porttool.commands.questions.since import Span
            from porttool.commands.questions.since import since as changes

            return changes(Span(since, until), next(iter(named), None), request, output)
        if why is not None:
            from porttool.commands.questions.why import why as paths_to

            return paths_to(why, request, output)
        if releases:
            from porttool.commands.questions.releases import releases as matrix

            return matrix(request, output)
        from porttool.commands.audit_deps import audit_deps

        return audit_deps(request, output)

    _run(chosen)


@app.command(rich_help_panel=_PORT)
def emit(
    ctx: typer.Context,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Where.", show_default="build"),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The file behind archive_url, for the fetch mode."),
    ] = None,
    app: Annotated[
        bool, typer.Option("--app", help="Write app-NAME, too: an application that links them.")
    ] = False,
    operator: Annotated[
        bool,
        typer.Option(
            "--operator", help="Write operator, too: Prometheus's files, rules, a dashboard."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the Unikraft libraries: lib-ukmetrics and lib-NAME."""
    from porttool.commands.emit import emit
    from porttool.commands.emitting import workspace_input

    def command() -> ExitCode:
        with workspace_input(ctx.obj, "emit", archive) as (source, build):
            return ExitCode(
                emit(source, output or build, app=app, operator=operator, as_json=as_json)
            )

    _run(command)


@app.command(rich_help_panel=_PORT)
def run(
    ctx: typer.Context,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)] = 9100,
    cc: Annotated[str | None, typer.Option(help="C compiler.", show_default="$CC, or cc")] = None,
    sanitize: Annotated[
        bool, typer.Option("--sanitize", help="Build with AddressSanitizer and UBSan.")
    ] = False,
    build_only: Annotated[
        bool, typer.Option("--build-only", help="Compile, print the program's path and stop.")
    ] = False,
    parameters: Annotated[
        list[str] | None,
        typer.Argument(metavar="PARAMETER", help="For the kernel command line: lib.name=value."),
    ] = None,
) -> None:
    """Compile the emitted libraries for this machine and serve on 127.0.0.1 until ^C."""
    from porttool.commands.emitting import workspace_input
    from porttool.commands.run import run

    def command() -> ExitCode:
        with workspace_input(ctx.obj, "run") as (source, build):
            return ExitCode(
                run(
                    source,
                    build,
                    port=port,
                    cc=cc,
                    sanitize=sanitize,
                    build_only=build_only,
                    parameters=parameters or (),
                )
            )

    _run(command)


Unikraft = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="A tree of Unikraft.",
        show_default="RELEASE/unikraft in $PORTTOOL_UNIKRAFT",
    ),
]
Libs = Annotated[
    str | None,
    typer.Option(
        metavar="DIR:DIR",
        help="External libraries, in this order.",
        show_default="lib-musl and lib-lwip beside the tree",
    ),
]
Archives = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="DIR", help="Where the archives are.", show_default="archives beside the tree"
    ),
]
Application = Annotated[
    Path | None,
    typer.Option("--app", metavar="DIR", help="An application.", show_default="one that sleeps"),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="DIR", help="Where.", show_default="build"),
]
Jobs = Annotated[
    int | None, typer.Option("--jobs", "-j", min=1, help="At once.", show_default="processors")
]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="CONFIG_X=y", help="A setting of Kconfig.")
]


def _wanted(
    unikraft: Path | None,
    libs: str | None,
    archives: list[Path] | None,
    application: Path | None,
    settings: list[str] | None,
    jobs: int | None,
) -> "Wanted":
    from porttool.commands.build import Wanted, paths

    trees = os.environ.get("PORTTOOL_UNIKRAFT")
    return Wanted(
        unikraft,
        Path(trees) if trees else None,
        tuple(paths(libs)),
        tuple(archives or ()),
        application,
        tuple(settings or ()),
        jobs or len(os.sched_getaffinity(0)),
    )


@app.command(rich_help_panel=_PORT)
def build(
    ctx: typer.Context,
    unikraft: Unikraft = None,
    libs: Libs = None,
    archives: Archives = None,
    application: Application = None,
    settings: Set = None,
    output: Output = None,
    jobs: Jobs = None,
    as_json: AsJson = False,
) -> None:
    """Build a unikernel with the emitted libraries in a real Unikraft tree."""
    from porttool.commands.build import build
    from porttool.commands.emitting import workspace_input

    def command() -> ExitCode:
        with workspace_input(ctx.obj, "build") as (source, out):
            wanted = _wanted(unikraft, libs, archives, application, settings, jobs)
            return ExitCode(build(source, output or out, wanted, as_json=as_json))

    _run(command)


@app.command(rich_help_panel=_PORT)
def boot(
    ctx: typer.Context,
    image: Annotated[
        Path | None,
        typer.Argument(
            help="An image, or the folder that it was built in.", show_default="the port's"
        ),
    ] = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)] = 9100,
    memory: Annotated[str, typer.Option(metavar="SIZE", help="Of the machine.")] = "64M",
    parameters: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="LIB.NAME=VALUE", help="For the kernel command line."),
    ] = None,
    forwards: Annotated[
        list[str] | None,
        typer.Option("--forward", metavar="PORT:PORT", help="Of 127.0.0.1, to the application."),
    ] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Option("--qemu-arg", metavar="WORD", help="For QEMU, behind its own arguments."),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Wait this long for a scrape.")
    ] = 30.0,
    once: Annotated[
        bool, typer.Option("--once", help="Print the first page of metrics and end.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show the console on stderr.")
    ] = False,
    with_build: Annotated[
        bool, typer.Option("--build", help="Build it first; takes the options below.")
    ] = False,
    unikraft: Unikraft = None,
    libs: Libs = None,
    archives: Archives = None,
    application: Application = None,
    settings: Set = None,
    output: Output = None,
    jobs: Jobs = None,
    as_json: AsJson = False,
) -> None:
    """Start the unikernel in QEMU, wait for the first scrape, and serve until ^C."""
    from porttool.commands.boot import Options
    from porttool.commands.boot import boot as command

    options = Options(
        port, memory, tuple(parameters or ()), timeout,
        tuple(forwards or ()), tuple(arguments or ()), once, verbose, as_json,
    )  # fmt: skip
    given = (unikraft, libs, archives, application, settings, jobs)
    if not with_build and any(given):
        raise typer.BadParameter("--unikraft, --libs and what else concerns the build need --build")
    if with_build and image is not None:
        raise typer.BadParameter("--build makes the image that is booted: name none")
    wanted = _wanted(*given) if with_build else None
    _run(lambda: command(ctx.obj, image, output, wanted, options))


@app.command(rich_help_panel=_LOOK)
def watch(
    address: Annotated[
        str, typer.Argument(metavar="URL", help="Of the metrics, or HOST:PORT of the exporter.")
    ] = "http://127.0.0.1:9100/metrics",
    interval: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Between two scrapes.")
    ] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Show one page and end.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Show what has been 0 so far, too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Watch an exporter live: values, rates and their course, until ^C."""
    from porttool.commands.watch import watch

    _run(
        lambda: watch(address, interval=interval, once=once, everything=everything, as_json=as_json)
    )


@app.command(rich_help_panel=_LOOK)
def status(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show pin, series, worktree and emitted libraries at a glance."""
    from porttool.commands.status import status

    _run(lambda: status(ctx.obj, as_json=as_json))


@app.command(rich_help_panel=_LOOK)
def check(
    ctx: typer.Context,
    upstream: Annotated[
        bool, typer.Option("--upstream", help="Ask upstream, too, for a newer release.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Exit with 4 if anything drifted from what a refresh would leave."""
    from porttool.commands.check import check

    _run(lambda: check(ctx.obj, upstream=upstream, as_json=as_json))


def _place(before: str | None, after: str | None) -> "Place":
    from porttool.series.edit import Place

    if before is not None and after is not None:
        raise typer.BadParameter("--before and --after exclude each other")
    return Place(before, after)


def main() -> None:
    """Run the command line and exit with the code that design and docs promise."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the shell, with >&-
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - it stays open
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that is no text can be shown all the same
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            app(prog_name="porttool")
        finally:
            sys.stdout.flush()
    except OSError as error:  # help that cannot be shown
        raise SystemExit(int(_refused(error))) from None


catalogue = typer.Typer(
    name="catalogue", no_args_is_help=True, help="What Unikraft provides, read from its sources."
)
app.add_typer(catalogue, rich_help_panel=_LOOK)


@catalogue.command("scan")
def catalogue_scan(
    tree: Annotated[Path, typer.Argument(metavar="UNIKRAFT_DIR", help="A tree of Unikraft.")],
    library: Annotated[
        list[Path] | None,
        typer.Option("--lib", metavar="DIR", help="An external library, such as lib-musl."),
    ] = None,
    archives: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Where the archives are that libraries are made from."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write it here, not to stdout."),
    ] = None,
) -> None:
    """Write what a tree and its libraries provide as JSON; nothing is built."""
    from porttool.commands.catalogue import scan

    _run(lambda: scan(tree, library or [], archives or [], output))


metrics = typer.Typer(
    name="metrics", no_args_is_help=True, help="Metrics of your own libraries, and a reference."
)
app.add_typer(metrics, rich_help_panel=_PORT)


@metrics.command("scan")
def metrics_scan(
    ctx: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A Unikraft library or application.")
    ],
    unikraft: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A tree of Unikraft whose headers it needs."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where.", show_default="the port's metrics.toml"
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit with 4 when the file would change."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add the ukstore entries of a library to the metrics that emit puts into lib-ukmetrics."""
    from porttool.commands.metrics import scan

    _run(lambda: scan(ctx.obj, folder, unikraft, output, check=check, as_json=as_json))


@metrics.command("doc")
def metrics_doc(as_json: AsJson = False) -> None:
    """Write the reference of all metrics as Markdown: what they are of, and what is missing."""
    from porttool.commands.metrics import doc

    _run(lambda: doc(as_json=as_json))


def _run(command: Callable[[], ExitCode]) -> NoReturn:
    """Run a command, turn what goes wrong into a message, and leave with its exit code."""
    raise typer.Exit(int(_guarded(command)))


def _require_folder() -> None:
    """End where the shell stands in a folder that is gone: nothing else could be started there."""
    try:
        Path.cwd()
    except FileNotFoundError:
        ui.show_error(
            UserError(
                "the folder that the shell is in is gone",
                why="porttool removes .porttool/work once it was taken up, and makes it anew",
                fix="cd to the workspace",
            )
        )
        raise typer.Exit(int(ExitCode.USER_ERROR)) from None


def _guarded(command: Callable[[], ExitCode]) -> ExitCode:
    try:
        with interruptible():
            code = command()
            sys.stdout.flush()
        return code
    except PorttoolError as error:
        ui.show_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        ui.note("interrupted; nothing was changed half-way")
        return ExitCode.INTERRUPTED
    except OSError as error:
        return _refused(error)
    except Exception:  # noqa: BLE001 - the last door: everything else is a bug of ours
        return _internal_error()


def _refused(error: OSError) -> ExitCode:
    """Report what the system refused to do, as far as the machine is to blame."""
    _let_go_of_stdout()
    if isinstance(error, BrokenPipeError):
        return ExitCode.OK  # the reader of our output is gone, and has what it wanted
    if error.errno not in _ENVIRONMENT:
        return _internal_error()
    ui.show_error(
        UserError(
            f"the system refused: {error.strerror}",
            where=str(error.filename2 or error.filename or "") or None,
            fix=_ENVIRONMENT[error.errno],
        )
    )
    return ExitCode.USER_ERROR


def _let_go_of_stdout() -> None:
    """Where stdout cannot be written, keep Python from failing over it once more at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


#: What is wrong with the machine rather than with porttool, and what helps.
_ENVIRONMENT = {
    errno.ENOSPC: "make room on the disk and try again; nothing was changed half-way",
    errno.EDQUOT: "your disk quota is used up; nothing was changed half-way",
    errno.EROFS: "the file system is read-only",
    errno.EFBIG: "make room on the disk and try again; nothing was changed half-way",
    errno.EIO: "the disk fails",
    errno.EEXIST: "something else has that name: move it away",
    errno.ENOTEMPTY: "something else has that name: move it away",
    errno.EACCES: "check the permissions",
    errno.EPERM: "check the permissions",
    errno.ENOTDIR: "a file stands where a folder is needed",
    errno.EISDIR: "a folder stands where a file is needed",
    errno.ELOOP: "a symbolic link points at itself",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EMFILE: "too many open files",
    errno.EBUSY: "a file system is mounted there; the folder must be a plain one",
    errno.EXDEV: "it lies on another file system than the folder around it",
}


def _internal_error() -> ExitCode:
    from rich.text import Text
    from rich.traceback import Traceback

    console = ui.stderr()
    console.print(Traceback(show_locals=False, width=100))
    words = ("internal error", "bold red"), ": this is a bug in porttool; please report it"
    console.print(Text.assemble(*words))
    return ExitCode.INTERNAL
