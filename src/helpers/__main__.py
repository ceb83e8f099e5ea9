"""The commands behind `make`, the same on every system: `python -m helpers COMMAND`, or `python src/helpers COMMAND`.

Until the environment is ready, only the standard library is imported; then the command starts again inside it.
"""

from __future__ import annotations

import argparse
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

if not __package__:  # started by its path: python src/helpers
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from helpers import ROOT, NinefoldError, __version__, home, setup

COMMANDS = {
    "help": ("", "show this list"),
    "new": ('PROJECT=shop FROM="orders.csv crm.xlsx"', "begin a project from your files: a first project.yml, every guess with its reason"),
    "report": (
        "[PROJECT=complete_journey] [AS_OF=2017-10-01] [LANGUAGE=en|fr]",
        "run the notebooks and publish the pages",
    ),
    "report-each": (
        "BY=country [PROJECT=complete_journey] [AS_OF=2017-10-01] [LANGUAGE=en|fr] [LEAST=90]",
        "the same report for each value of a column of customers or orders, and an overview of them",
    ),
    "diff": (
        "A=2017-10-01/0001 [B=2018-01-01/0001] [PROJECT=complete_journey] [LANGUAGE=en|fr]",
        "compare two runs: what differs in data, definitions, parameters, code and results, and why",
    ),
    "try": (
        "K=4 [PROJECT=complete_journey] [METHOD=kmeans] [AS_OF=2017-10-01]",
        "try another number of segments on the last run, in seconds, publishing nothing",
    ),
    "lab": ("", "open the notebooks in JupyterLab, to step through them"),
    "sign": (
        'PROJECT=shop ROLE="Head of CRM" [REMARK="…"] [ON=YYYY-MM-DD]',
        "sign the sheet of step 5 for a role, in project.yml",
    ),
    "card": (
        "PROJECT=shop CUSTOMER=shop:S12 [LANGUAGE=en|fr] [AS_OF=YYYY-MM-DD]",
        "draw the private card of one customer, by any id of any source, from the newest complete run",
    ),
    "erase": (
        "PROJECT=shop CUSTOMER=shop:S12 [REBUILD=no]",
        "remove a person from raw copies, runs, drafts and lists, rebuild the last report, search everything kept, write a certificate",
    ),
    "lists": (
        "[PROJECT=complete_journey] [AS_OF=YYYY-MM-DD] [LANGUAGE=en|fr]",
        "write today's contact lists by the published segmentation, into data/PROJECT/lists, private",
    ),
    "approve": (
        'RUN=2017-10-01/0001 ROLE="Head of CRM" [PROJECT=complete_journey] [ON=YYYY-MM-DD] [REMARK="…"]',
        "make the segmentation of a run the one in force, with role and date",
    ),
    "reevaluate": (
        "AS_OF=YYYY-MM-DD|today [PROJECT=complete_journey] [LANGUAGE=en|fr]",
        "apply the segmentation in force to later data: what moved, why, and what to do; status 0 keep, 10 look, 1 failed",
    ),
    "test": ('[ARGS="-k words"]', "run all tests (`make test-fast`: without the slow ones)"),
    "lint": ("[ARGS=--fix]", "check the code's style and that no notebook holds outputs; --fix mends both"),
    "fait_maison": ("[PEOPLE=20000]", "make the files of the fictional company fait_maison anew"),
    "catalogue": ("", "bring the French catalogue up to date with the sentences in code and notebooks"),
    "setup": ("", "make the environment ready; the other commands do so by themselves"),
}
PUBLISH = ("report", "report-each", "reevaluate")
"""Commands that publish pages."""
STRIP = ["--keep-id", "--extra-keys", "metadata.language_info.version"]
"""What nbstripout does besides emptying outputs, as in .pre-commit-config.yaml; tags and the kernel's name stay."""


def main(arguments=None) -> int:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # an old Windows console lacks "…"
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        return dispatch(arguments)
    except NinefoldError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "Interrupted; the last report is untouched." if {*arguments[:1]} & {*PUBLISH} else "Interrupted.",
            file=sys.stderr,
        )
        return 130
    except BrokenPipeError:  # the reader of our output has gone: `make help | head -3`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        if error.errno not in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
            raise
        where = f" ({error.filename})" if error.filename else ""
        print(f"The disk is full{where}: free some space and run again. The last report is untouched.", file=sys.stderr)
        return 1


def dispatch(arguments) -> int:
    options, rest = read(arguments)
    if options.command == "help":
        print(help_text(), flush=True)
        return 0
    environment = setup.ensure()
    if options.command == "setup":
        os.utime(environment.stamp)  # newer than the lock, for make
        print(f"{environment.name} is ready.")
        return 0
    if not setup.is_inside(environment):
        setup.hand_over(environment, ["-m", "helpers", *arguments], mark_inside=True)
    os.environ.update(setup.variables(environment))
    os.environ.pop(setup.INSIDE, None)
    work = {
        "new": new,
        "report": report,
        "report-each": report_each,
        "diff": diff,
        "try": try_,
        "lab": lab,
        "test": test,
        "lint": lint,
        "catalogue": catalogue,
        "fait_maison": fait_maison,
        "sign": sign,
        "card": card,
        "erase": erase,
        "lists": lists,
        "approve": approve,
        "reevaluate": reevaluate,
    }
    return work[options.command](options, rest)


def read(arguments):
    """The options, and for `test` and `lab` whatever else is meant for pytest and JupyterLab."""
    parser = argparse.ArgumentParser(prog="python -m helpers", usage="python -m helpers COMMAND [options]")
    parser.add_argument("--version", action="version", version=f"Ninefold {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    of = {name: commands.add_parser(name, description=what, allow_abbrev=False) for name, (_, what) in COMMANDS.items()}
    of["new"].add_argument("--project", metavar="NAME", help="the folder of data/ to make")
    of["new"].add_argument("--from", dest="given", nargs="+", metavar="FILE", help="files, folders, postgresql:// addresses")
    of["report"].add_argument("--project", default="complete_journey", help="the folder of data/ that holds project.yml")
    of["report"].add_argument("--as-of", metavar="YYYY-MM-DD", help="first day not counted; else the one in project.yml")
    of["report"].add_argument("--language", metavar="en|fr", help="language of the pages; else the one in project.yml")
    of["report-each"].add_argument("--by", metavar="COLUMN", help="a mapped column of customers or orders; or orders.channel")
    of["report-each"].add_argument("--project", default="complete_journey", help="the folder of data/ that holds project.yml")
    of["report-each"].add_argument("--as-of", metavar="YYYY-MM-DD", help="first day not counted; else the one in project.yml")
    of["report-each"].add_argument("--language", metavar="en|fr", help="language of the pages; else the one in project.yml")
    of["report-each"].add_argument("--least", type=int, metavar="N", help="values with fewer customers are left out")
    of["diff"].add_argument("--project", default="complete_journey", help="the folder of data/ that holds project.yml")
    of["diff"].add_argument("--a", metavar="RUN", help="the earlier run: 2017-10-01/0001, or a day, then the newest run of it")
    of["diff"].add_argument("--b", metavar="RUN", help="the run compared with it; else the newest of all")
    of["diff"].add_argument("--language", metavar="en|fr", help="language of text and page; else the one in project.yml")
    of["try"].add_argument("--segments", type=int, metavar="K", help="how many segments to try")
    of["try"].add_argument("--project", default="complete_journey", help="the folder of data/ that holds project.yml")
    of["try"].add_argument("--method", metavar="NAME", help="way of cutting, such as kmeans; else the one that project.yml publishes")
    of["try"].add_argument("--as-of", metavar="YYYY-MM-DD", help="first day not counted; else the one in project.yml")
    of["sign"].add_argument("--project", required=True, help="the folder of data/ that holds project.yml")
    of["sign"].add_argument("--role", required=True, help="one of validate.required in project.yml")
    of["sign"].add_argument("--remark", default="", help="what was said when signing")
    of["sign"].add_argument("--on", metavar="YYYY-MM-DD", help="the day of signing; else today")
    of["card"].add_argument("--project", default="complete_journey", help="the folder of data/ that holds project.yml")
    of["card"].add_argument("--customer", metavar="ID", help="as the first source writes it, or with its numbering: shop:S12")
    of["card"].add_argument("--language", metavar="en|fr", help="language of the card; else the one in project.yml")
    of["card"].add_argument("--as-of", metavar="YYYY-MM-DD", help="the run of that day; else the newest")
    of["erase"].add_argument("--project", required=True, help="the folder of data/ that holds project.yml")
    of["erase"].add_argument("--customer", metavar="ID", help="as the first source writes it, or with its numbering: shop:S12")
    of["erase"].add_argument("--rebuild", choices=("yes", "no"), default="yes", help="no: leave the last report as it was built")
    of["lists"].add_argument("--project", default="complete_journey", help="the folder of data/ that holds project.yml")
    of["lists"].add_argument("--as-of", metavar="YYYY-MM-DD", help="first day not counted; else the one in project.yml")
    of["lists"].add_argument("--language", metavar="en|fr", help="language of the lists; else the one in project.yml")
    of["approve"].add_argument("--run", metavar="RUN", help="2017-10-01/0001, or a day: the newest run of it")
    of["approve"].add_argument("--role", default="", help="who approves, as a role")
    of["approve"].add_argument("--project", default="complete_journey", help="the folder of data/ that holds project.yml")
    of["approve"].add_argument("--on", metavar="YYYY-MM-DD", help="the day of approval; else today")
    of["approve"].add_argument("--remark", default="", help="what was said when approving")
    of["reevaluate"].add_argument("--as-of", metavar="YYYY-MM-DD|today", help="first day not counted")
    of["reevaluate"].add_argument("--project", default="complete_journey", help="the folder of data/ that holds project.yml")
    of["reevaluate"].add_argument("--language", metavar="en|fr", help="language of the pages; else the one in project.yml")
    of["fait_maison"].add_argument("--people", type=int, default=20_000, help="how many people and firms")
    of["test"].add_argument("--fast", action="store_true", help="leave out the slow tests")
    of["lint"].add_argument("--fix", action="store_true", help="mend what can be mended")
    found, rest = parser.parse_known_args(arguments)
    if rest and found.command not in ("test", "lab"):
        parser.error(f"unknown: {' '.join(rest)} (python -m helpers help lists the commands)")
    found.command = found.command or "help"
    return found, rest


def help_text() -> str:
    width = max(map(len, COMMANDS)) + 2
    lines = []
    for name, (options, what) in COMMANDS.items():
        lines += [f"  {name:<{width}}{what}", *([f"  {'':<{width}}{options}"] if options else [])]
    return "\n".join(
        [
            "Ninefold: customer segmentation in nine notebooks.",
            "",
            "make COMMAND, or without make: python src/helpers COMMAND",
            "",
            *lines,
            "",
            "Without make, options are written --project complete_journey --as-of 2017-10-01 --language fr.",
        ]
    )


def new(options, rest) -> int:
    from helpers.new import new as begin

    print(begin(options.project, options.given).report)
    return 0


def report(options, rest) -> int:
    quiet()
    from helpers.report import publish

    if options.project == "fait_maison" and not (home() / "data" / "fait_maison" / "raw").exists():
        fait_maison(argparse.Namespace(people=20_000), [])
    pages = publish(options.project, as_of=options.as_of, language=options.language)
    print(f"Published: {pages / 'index.html'}")
    return 0


def report_each(options, rest) -> int:
    """0: all values have a report; 10: some failed; 1: all did."""
    if not options.by:
        raise NinefoldError("Say by which column: make report-each BY=country, or python src/helpers report-each --by country.")
    quiet()
    from helpers import each

    done = each.each(options.project, options.by, as_of=options.as_of, language=options.language, least=options.least)
    print("\n".join(each.told(done)))
    return done.status


def diff(options, rest) -> int:
    if not options.a:
        raise NinefoldError(
            "Say which runs: make diff A=2017-10-01 B=2018-01-01, or python src/helpers diff --a 2017-10-01 --b 2018-01-01."
        )
    from helpers import differences

    told, page = differences.diff(options.project, options.a, options.b, language=options.language)
    print(*told, "", f"Page, may be shared: {page}", sep="\n")
    return 0


def try_(options, rest) -> int:
    if options.segments is None:
        raise NinefoldError("Say how many segments to try: make try K=4, or without make: python src/helpers try --segments 4.")
    from helpers.build import trial

    found, plan = trial.at(options.project, options.segments, recipe=options.method, as_of=options.as_of)
    shown = [trial.trial_table(found, plan), *([trial.crossed_table(found, plan)] if len(found["by_k"]) > 1 else [])]
    print(*map(trial.as_text, shown), sep="\n\n")
    return 0


def sign(options, rest) -> int:
    from helpers.validate.sign import sign as sign_sheet

    print("\n".join(sign_sheet(options.project, options.role, remark=options.remark, on=options.on)))
    return 0


def card(options, rest) -> int:
    if not options.customer:
        raise NinefoldError("Say whose card: make card PROJECT=shop CUSTOMER=12, or python src/helpers card --project shop --customer 12.")
    from helpers.adopt import customer

    path = customer.card(options.project, options.customer, language=options.language or "", as_of=options.as_of or "")
    print(f"Card, private: {path}")
    return 0


def erase(options, rest) -> int:
    """0: found nowhere any more; 10: files are named in which the person still is."""
    if not options.customer:
        raise NinefoldError("Say who goes: make erase PROJECT=shop CUSTOMER=12, or python src/helpers erase --project shop --customer 12.")
    from helpers import erase as erasing

    done = erasing.erase(options.project, options.customer, rebuild=options.rebuild == "yes")
    print("\n".join(done.told))
    return done.status


def lists(options, rest) -> int:
    from helpers.target import refresh

    print("\n".join(refresh.told(*refresh.lists(options.project, as_of=options.as_of, language=options.language))))
    return 0


def approve(options, rest) -> int:
    if not options.run:
        raise NinefoldError('Say which run: make approve RUN=2017-10-01/0001 ROLE="Head of CRM" PROJECT=shop.')
    from helpers import run

    print(*run.approve(options.project, options.run, options.role, on=options.on, remark=options.remark), sep="\n")
    return 0


def reevaluate(options, rest) -> int:
    if not options.as_of:
        raise NinefoldError("Say as of which day: make reevaluate AS_OF=2018-01-01 PROJECT=shop, or AS_OF=today.")
    quiet()
    from helpers import schedule

    return schedule.reevaluate(options.project, as_of=options.as_of, language=options.language)


def quiet() -> None:
    """What goes wrong is raised and said once, and a scheduler's stop ends like Ctrl-C."""
    import logging

    logging.disable(logging.CRITICAL)  # an interrupt makes libraries log of dying kernels
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def lab(options, rest) -> int:
    """JupyterLab at notebooks/, from where data/ and reports/ can be opened too; it asks no other server."""
    os.chdir(ROOT)
    quiet = [
        f"--ServerApp.root_dir={ROOT}",
        "--ContentsManager.preferred_dir=notebooks",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    ]
    setup.hand_over(setup.choose_environment(), ["-m", "jupyterlab", *quiet, *rest])


def test(options, rest) -> int:
    os.chdir(ROOT)
    fast = ["-m", "not slow"] if options.fast else []
    # All of them go side by side (tests/conftest.py says which stay together); tests that are named run here, one after the other.
    named = any(not argument.startswith("-") for argument in rest)
    side_by_side = [] if named else ["-n", str(min(4, os.cpu_count() or 1)), "--dist", "loadscope"]
    setup.hand_over(setup.choose_environment(), ["-m", "pytest", *side_by_side, *fast, *rest])


def lint(options, rest) -> int:
    """Every check is made, whatever the one before it found."""
    notebooks = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("notebooks/*.ipynb"))
    checks = [
        ["ruff", "check", "--output-format=concise", *(["--fix"] if options.fix else []), "."],
        ["ruff", "format", *([] if options.fix else ["--check", "--output-format=concise"]), "."],
        ["nbstripout", *([] if options.fix else ["--verify"]), *STRIP, *notebooks],
    ]
    if not notebooks:
        checks.pop()
    return max(subprocess.run([sys.executable, "-m", *check], cwd=ROOT).returncode for check in checks)


def fait_maison(options, rest) -> int:
    from helpers.fait_maison import make

    folder = home() / "data" / "fait_maison"
    rows = make(folder, people=options.people)
    print(f"Made {folder / 'raw'}: {options.people:,} people, {rows['orders']:,} order lines.", flush=True)
    return 0


def catalogue(options, rest) -> int:
    from helpers import words

    words.update()
    left = {name: len(words.missing(name)) for name in words.LANGUAGES if name != "en"}
    print("; ".join(f"{name}: {'complete' if not n else f'{n} still to translate'}" for name, n in left.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
