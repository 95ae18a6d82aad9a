"""What is known of a hero's one look beside its pairs? Mode `offline`: recorded runs, a few judged queries.

How far hits that nobody judged could move the decision, and how many heroes these judgements have been asked about:
each different one is charged more (gates.rule.offline), and the count outlives results, in the state of its configs.
"""

import hashlib
import json
from pathlib import Path

from filelock import FileLock

from evidence.files import write_whole
from evidence.unjudged import reach
from fixtures.judged import JudgedPair, read_judged
from fixtures.packs import Hero
from gates.archive import state_of
from gates.documents import require_regular
from gates.errors import ConfigError, EvidenceError
from gates.policy import Policy
from gates.rule.climbed import LookFacts
from gates.rule.compared import Differences, decision_of
from gates.rule.offline import Margin, Rates, decide, require_attainable, show
from gates.rule.one_look import margins_of, policy_rates
from gates.statistics.decimals import decimal
from gates.verdicts import Decision

COUNTED = "judged"  # folder of the state: a file for each set of judgements, with the heroes that it was asked about
_MEASURE = {"ndcg": "nDCG@10", "recall": "R@50"}  # of a column of pairs, as run files are measured


def judged_pair(hero: Hero, policy: Policy) -> tuple[JudgedPair, dict[str, str]]:
    """Both run files of a hero, measured as its policy asks, and the measure of each check. Raises EvidenceError."""
    measures = {}
    for key in policy.losses:
        known = policy.check(key)
        measures[key] = getattr(known.limits, "measure", "") or _MEASURE.get(known.check.decides, known.check.decides)
    incumbent, wanted = hero.baseline_kind, tuple(dict.fromkeys(measures.values()))
    queries = incumbent.path("queries") if "queries" in incumbent.block else None
    runs = incumbent.path("run"), hero.system_kind.path("run")
    try:
        return read_judged(*runs, incumbent.path("qrels"), queries, wanted), measures
    except ConfigError as error:
        raise EvidenceError(error.mistakes[0]) from None


def differences_of(pair: JudgedPair) -> tuple[Differences, ...]:
    """What the rule looks at, by measure."""
    found = []
    for of in pair.stakes:
        worst, best = reach(of, pair.unjudged)
        found.append(Differences(check=of.measure, judged=of.difference, worst=worst, best=best))
    return tuple(found)


def look_facts(hero: Hero, policy: Policy) -> LookFacts:
    """The facts of one look. Raises EvidenceError, a line, where no hero whatsoever could be shown to keep a margin."""
    pair, measures = judged_pair(hero, policy)
    k = _counted(hero, policy)
    by_measure = {of.check: of for of in differences_of(pair)}
    margins, rates = margins_of(policy), policy_rates(policy, k)
    found = [(by_measure[measure], margins[key]) for key, measure in measures.items()]
    for key in measures:
        try:
            require_attainable(key, margins[key].mu, len(pair.queries), rates.green)
        except ConfigError as error:
            raise EvidenceError(error.mistakes[0]) from None
    judged, worst, best = _decisions(found, rates)
    if policy.offline is not None and policy.offline.unjudged == "not-relevant":
        worst = best = judged
    shares = (pair.baseline.judged_at_10, pair.hero.judged_at_10)
    return LookFacts(
        k=k, judged=judged, worst=worst, best=best, unjudged=len(pair.unjudged),
        judged_at_10=(decimal(shares[0], 4), decimal(shares[1], 4)),
    )  # fmt: skip


def _decisions(found: list[tuple[Differences, Margin]], rates: Rates) -> tuple[Decision, Decision, Decision]:
    """As judged, with the worst grades and with the best ones for what nobody judged."""
    judged = decide([show(of.check, of.judged, margin, rates) for of, margin in found]).decision
    margins = [margin for _, margin in found]
    worst, best = ([getattr(of, side) for of, _ in found] for side in ("worst", "best"))
    return judged, decision_of(worst, margins, rates), decision_of(best, margins, rates)


def _counted(hero: Hero, policy: Policy) -> int:
    """The how-manieth different hero on these judgements this is, from 1; 0 where the policy does not count.

    It is written down before anything is looked at: who looks again, with the same files, is charged no more.
    """
    if policy.offline is None or not policy.offline.counted:
        return 0
    configs = hero.lock_file.parents[1]
    files = hero.baseline_kind.files()
    of = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:32]
    asked = f"{hero.subject.config_hash} against {hero.subject.baseline_config_hash}"
    folder = state_of(configs) / COUNTED
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{of}.json"
    with FileLock(folder / ".lock"):
        heroes = _read(path)
        if asked not in heroes:
            heroes.append(asked)
            write_whole(path, json.dumps(heroes, indent=1))
    return heroes.index(asked) + 1


def _read(path: Path) -> list[str]:
    if not path.exists():
        return []
    try:
        require_regular(path)
        found = json.loads(path.read_bytes())
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise ValueError("no list of heroes")
        return found
    except (OSError, ValueError, RecursionError, ConfigError) as error:
        raise EvidenceError(
            f"{path}: not the heroes that were counted ({error}); restore it: forgetting them spends their chance again"
        ) from None
