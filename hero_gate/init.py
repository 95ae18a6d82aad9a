"""How do two run files become a folder of configs of one's own? `init A.run B.run --qrels Q` writes three short files.

A policy of mode `offline`, the pack of what serves and the pack of the candidate: what `compare` asks, kept, reviewed,
locked, and promoted where the policy says so. The command that it prints runs.
"""

import json
import math
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from evidence.files import write_whole
from fixtures.judged import judged_pair, kinds_of
from gates.errors import ConfigError, GateError
from gates.offline import TEMPLATES
from gates.place import HERE
from gates.rule.offline import least_margin, rates_of, require_attainable
from gates.status import MISTAKE, tell_uncaught
from hero_gate.compare import MOST_LOST, about_files, losses_of, margin, names_of
from reports.escaping import clean, typed

USUAL = 0.03  # may be lost where nobody says otherwise
PACK = """\
# {what}; docs/recorded-runs.md says what a pack of recorded runs may say.
schema: hero-gate/pack/v1
name: {name}
owner: {owner}
claim: {{text: {claim}}}
{system}
"""


def main(arguments: Sequence[str]) -> int:
    """0 where the files are written, 4 with a line for a mistake, and nothing is written then."""
    parser = about_files("hero-gate init", __doc__)
    parser.add_argument(
        "--margin", type=margin, help="points that may be lost: decide it before you look (3, or what can be shown)"
    )
    parser.add_argument("--configs", type=Path, default=Path("configs"), metavar="DIR", help="default configs")
    parser.add_argument("--owner", default="Search Team", help="who answers for the candidate")
    asked = parser.parse_args(arguments)
    try:
        pair = judged_pair(*kinds_of(asked.baseline, asked.hero, asked.qrels, asked.queries), asked.measures)
        n, rate = len(pair.queries), rates_of(len(asked.measures), k=1).green
        mu = asked.margin or max(USUAL, math.ceil(1000 * least_margin(n, rate) + 0.5) / 1000)
        if mu > MOST_LOST:
            raise ConfigError([f"{n:,} judged queries: no margin below half of a measure; judge more"])
        for measure in asked.measures:
            require_attainable(measure, mu, n, rate)
        baseline, hero = names_of(asked.baseline, asked.hero)
        shared = {"qrels": asked.qrels, **({"queries": asked.queries} if asked.queries else {})}
        files = {
            "policy.yaml": policy_text(hero, asked.measures, mu, asked.unjudged),
            "baseline.yaml": PACK.format(
                what="What serves today", name=baseline, owner=json.dumps(asked.owner), claim="what serves",
                system=f"selected: {_block(asked.configs, {'run': asked.baseline, **shared}, 'system: recorded, ')}",
            ),
            f"{hero}.yaml": PACK.format(
                what="The candidate: what it changes in what serves", name=hero, owner=json.dumps(asked.owner),
                claim="finds more", system=f"changes: {_block(asked.configs, {'run': asked.hero})}",
            ),
        }  # fmt: skip
        write_new(asked.configs, files)
    except GateError as error:
        print(clean(f"hero-gate init: {str(error).splitlines()[0]}"), file=sys.stderr)
        return MISTAKE
    print(
        f"{len(pair.queries):,} judged queries; judged@10: {baseline} {_percent(pair.baseline.judged_at_10)}, ", end=""
    )
    print(f"{hero} {_percent(pair.hero.judged_at_10)}")
    if not asked.margin:
        print(f"margin: {100 * mu:.4g} points may be lost of each measure; decide it before you look: --margin=POINTS")
    print("\n".join(f"wrote {typed(asked.configs / name)}" for name in files))
    print(f"next: {next_command(hero, asked.configs)}")
    return 0


def next_command(hero: str, configs: Path) -> str:
    """What locks and judges it, as one types it where one stands."""
    if HERE.installed or Path.cwd() == HERE.house:
        return " && ".join(HERE.made(target, hero=hero, configs=typed(configs)) for target in ("lock", "canary"))
    there, out = configs.resolve(), f"--artifacts={Path('hero-gate-out').resolve()}"
    lines = (HERE.made("lock", hero=hero, configs=str(there)), HERE.made("canary", out, hero=hero, configs=str(there)))
    return f"cd {shlex.quote(str(HERE.house))} && {' && '.join(lines)}"


def policy_text(hero: str, measures: Sequence[str], mu: float, unjudged: str) -> str:
    """The template of mode offline for one hero, with its comments, these measures and this margin."""
    said = (TEMPLATES / "offline.yaml").read_text(encoding="utf-8")
    _, heading, body = said.partition("schema:")
    losses = losses_of(dict.fromkeys(measures, mu))
    guards = "".join(f"  {key}: {{margin: {limits['margin']}}}\n" for key, limits in losses["guards"].items())
    checks = "".join(
        f"  {key}: {{form: loss, measure: {said['measure']}, margin: {said['margin']}}}\n"
        for key, said in losses["checks"].items()
    )
    based = "based_on: offline # where a limit is weaker than that template's, it is told\n"
    changes = {
        "mode: offline\n": f"{based}mode: offline\n",
        "  candidate: candidate.yaml\n": f"  {hero}: {hero}.yaml\n",
        "  ndcg_at_10: {margin: 0.03}\n": guards,
        "  unjudged: bounded ": f"  unjudged: {unjudged} ",
    }
    for old, new in changes.items():
        body = body.replace(old, new)
    if not guards:
        body = body.replace("guards: #", "checks: #").replace("# gates:", f"{checks}# gates:", 1)
    elif checks:
        body = body.replace("# gates:", f"checks:\n{checks}# gates:", 1)
    return f"# Written by hero-gate init: what is asked of {hero}, by one look at recorded runs.\n{heading}{body}"


def write_new(folder: Path, files: dict[str, str]) -> None:
    """Write files that are not there yet, all or none. Raises ConfigError, a line."""
    there = [name for name in files if (folder / name).exists()]
    if there:
        raise ConfigError([f"{folder / there[0]}: is there already; name another folder with --configs=DIR"])
    try:
        for name, text in files.items():
            write_whole(folder / name, text)
    except OSError as error:
        raise ConfigError([f"{folder}: cannot be written ({error.strerror}); name another --configs=DIR"]) from None


def _block(configs: Path, files: dict[str, Path], first: str = "") -> str:
    """Files as a pack names them: relative to its folder, or whole where they lie elsewhere."""
    named = {key: os.path.relpath(path.resolve(), configs.resolve()) for key, path in files.items()}
    return f"{{{first}{', '.join(f'{key}: {json.dumps(path)}' for key, path in named.items())}}}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


if __name__ == "__main__":
    sys.excepthook = tell_uncaught
    sys.exit(main(sys.argv[1:]))
