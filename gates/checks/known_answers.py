"""Does the evaluator say what it must of made-up pairs? gates.rule.self_test asks it."""

from gates.checks.check import Check, Kind, Name


class KnownAnswers(Check):
    """The evaluator itself is wrong, and finds every hero good."""

    key, kind, place, ends = "known_answers", Kind.INSTRUMENT, 2, True
    stays = True
    unit, name = "wrong answers", Name(label="known answers", unit="wrong", digits=0)
    open_words = "the baseline finds too little to be compared with"
    mend = "mend the evaluator in gates/ first: it is wrong about made-up pairs, so about heroes as well"
    broken_words = "the evaluator itself answers wrongly: no hero can be judged by it"
