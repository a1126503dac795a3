"""`gauntlet COMMAND`: one name for everything.

Exit codes: 0 pass, 1 fail, 2 could not run.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from reference_broker.base import OperatorError
from suites.harness.ending import end_in_order_on_sigterm
from suites.harness.report import SUITE_NAMES, print_report, to_json, write_report
from suites.harness.target import TargetSpec
from tools.gauntlet.gate import GateOptions, run_gate

EXIT_COULD_NOT_RUN: Final = 2
_FORWARD: Final = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": [],
}

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Test and fuzz message brokers that speak BlazingMQ's protocol.",
)


@app.command()
def gate(
    target: Annotated[
        str, typer.Option(help="'reference', or external:HOST:PORT on this machine.")
    ] = "reference",
    defect: Annotated[
        str, typer.Option("--break", help="Seed a defect (docs/defects.md lists them).")
    ] = "",
    report: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("report"),
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything random.")] = 1,
    seconds: Annotated[
        int, typer.Option(min=1, max=3600, help="Seconds of load, and of fuzzing.")
    ] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Run the four suites against a broker and give a verdict."""
    console = Console(stderr=as_json)
    end_in_order_on_sigterm()
    try:
        spec = TargetSpec.parse(target, defect)
        result = run_gate(GateOptions(spec, seed, seconds), console)
        write_report(result, report)
    except OperatorError as error:
        Console(stderr=True).print(f"could not run: {error}", style="bold red", markup=False)
        raise typer.Exit(EXIT_COULD_NOT_RUN) from error
    except KeyboardInterrupt:
        Console(stderr=True).print("interrupted: no verdict", style="bold red")
        raise typer.Exit(EXIT_COULD_NOT_RUN) from None
    print_report(result, console)
    console.print(f"report: {report / 'index.html'}", markup=False)
    if as_json:
        sys.stdout.write(to_json(result).decode() + "\n")
    raise typer.Exit(result.exit_code)


def _forward(module: str, arguments: list[str]) -> None:
    """Become a module with the rest of the command line, so that signals reach it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])


def _add_forwards() -> None:
    for suite in SUITE_NAMES:

        @app.command(
            suite, context_settings=_FORWARD, help=f"Run the {suite} suite; see its --help."
        )
        def forward(context: typer.Context) -> None:
            _forward(f"suites.{context.info_name}", context.args)

    @app.command("broker", context_settings=_FORWARD, help="Run the reference broker.")
    def broker(context: typer.Context) -> None:
        _forward("reference_broker", context.args)


_add_forwards()


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
