"""Which faults may the gate's own code have? Each turns a verdict, forgets evidence, or lets something pass."""

from __future__ import annotations

from proof.mutant import Edit, Mutant, seeded

_FORMS, _JUDGE, _TRACKERS = "gates/checks/forms.py", "gates/rule/evaluator.py", "gates/rule/trackers.py"
_DECIDE, _PLUGIN, _LADDER = "gates/rule/decide.py", "gates/plugin.py", "rollout/ladder.py"
_CONTEST = "rollout/comparison.py"

_LOST = seeded("empty", share=0.1)  # a hero that must not pass

#: What the pipeline before this one got wrong.
EARLIER_DEFECTS = (
    Mutant(
        name="promotes_despite_violation",
        area="gate code",
        what="violations logged but continuing: the ladder climbs on",
        check="sla_recall_at_50_delta",
        pack=_LOST,
        edits=(
            Edit(
                file=_LADDER,
                old="        self._tell(evaluator.headline(percent, number))\n        return red\n",
                new="        self._tell(evaluator.headline(percent, number))\n        return ()\n",
            ),
        ),
    ),
    Mutant(
        name="history_pruned",
        area="gate code",
        what="what was seen before the step is forgotten, so a loss spread over steps never counts",
        check="known_answers",
        edits=(
            Edit(
                file=_TRACKERS,
                old="        for mixture in (m for process in (*self._red, *self._raw) for m in process):\n",
                new="        self._red = [[StartMixture(4) for _ in process] for process in self._red]\n"
                "        for mixture in (m for process in (*self._red, *self._raw) for m in process):\n",
            ),
        ),
    ),
    Mutant(
        name="green_between_forgotten",
        area="gate code",
        what="by the letter any two red windows count as consecutive, although a green one lies between",
        check="known_answers",
        edits=(
            Edit(
                file="gates/rule/letter.py",
                old="self._in_a_row + 1 if estimate > limit else 0\n",
                new="self._in_a_row + 1 if estimate > limit else self._in_a_row\n",
            ),
        ),
        arguments=("--decision-mode=letter",),
    ),
    Mutant(
        name="polled_twice",
        area="gate code",
        what="the same window is looked at twice and counts as two",
        check="evidence",
        says="must not be looked at twice",
        edits=(
            Edit(
                file=_LADDER,
                old="            red = evaluator.end_window()\n",
                new="            evaluator.end_window()\n            red = evaluator.end_window()\n",
            ),
        ),
    ),
    Mutant(
        name="polled_twice_unnoticed",
        area="gate code",
        what="the same window is looked at twice, and the judge does not refuse it",
        check="known_answers",
        edits=(
            Edit(
                file=_JUDGE,
                old="        window, self._window = join(self._window), []\n",
                new="        window = join(self._window)\n",
            ),
        ),
    ),
)

TURNED = (
    Mutant(
        name="recall_sign_swapped",
        area="gate code",
        what="a loss of recall is a gain",
        check="known_answers",
        edits=(
            Edit(
                file=_FORMS,
                old="        return baseline - np.where(hero_ms > self.sla_ms, 0.0, p.hero.found)\n",
                new="        return np.where(hero_ms > self.sla_ms, 0.0, p.hero.found) - baseline\n",
            ),
        ),
    ),
    Mutant(
        name="ndcg_sign_swapped",
        area="gate code",
        what="a worse order is a better one",
        check="known_answers",
        edits=(
            Edit(
                file=_FORMS,
                old="np.asarray(getattr(p.baseline, self.column) - getattr(p.hero, self.column))",
                new="np.asarray(getattr(p.hero, self.column) - getattr(p.baseline, self.column))",
            ),
        ),
    ),
    Mutant(
        name="arms_swapped",
        area="gate code",
        what="the hero's answers are judged as the baseline's",
        check="known_answers",
        edits=(
            Edit(file=_CONTEST, old='hero=answers["hero"].arm,', new='hero=answers["baseline"].arm,'),
            Edit(file=_CONTEST, old='baseline=answers["baseline"].arm,', new='baseline=answers["hero"].arm,'),
        ),
    ),
    Mutant(
        name="baseline_asked_for_both",
        area="gate code",
        what="the hero is never asked: the baseline is compared with itself",
        check="known_answers",
        pack=_LOST,
        edits=(Edit(file="rollout/replay.py", old='systems = {"hero": hero,', new='systems = {"hero": baseline,'),),
    ),
    Mutant(
        name="thresholds_swapped",
        area="gate code",
        what="RED is asked for with the evidence of GREEN and the other way round",
        check="known_answers",
        edits=(
            Edit(
                file=_TRACKERS,
                old="self._need_red = thresholds.green if instrument else thresholds.red\n",
                new="self._need_red = thresholds.red if instrument else thresholds.green\n",
            ),
            Edit(
                file=_TRACKERS,
                old="self._need_green = thresholds.green\n",
                new="self._need_green = thresholds.red\n",
            ),
        ),
    ),
    Mutant(
        name="no_multiplicity",
        area="gate code",
        what="fifty questions are asked at the price of one: good heroes are rolled back for nothing",
        check="known_answers",
        edits=(
            Edit(
                file=_TRACKERS,
                old="m, rates = max(1, red_processes(policy)), policy.error_rates",
                new="m, rates = max(1, 0 * red_processes(policy)), policy.error_rates",
            ),
        ),
    ),
)

#: What a rule that moves, tolerates and compares may get wrong.
BENT = (
    Mutant(
        name="direction_turned",
        area="gate code",
        what="confidence is charged where it errs least: bets run against the direction in which the hero is off",
        check="known_answers",
        edits=(
            Edit(
                file=_FORMS,
                old="        return np.asarray(signs[calibration.bin_of(",
                new="        return -np.asarray(signs[calibration.bin_of(",
            ),
        ),
    ),
    Mutant(
        name="gained_answers_charged",
        area="gate code",
        what="a hero that is right more often than it says is rolled back for getting better",
        check="known_answers",
        edits=(
            Edit(
                file=_FORMS,
                old="np.where(s > 0, p.hero.correct, np.minimum(p.hero.correct, p.baseline.correct))",
                new="p.hero.correct",
            ),
        ),
    ),
    Mutant(
        name="quantile_of_the_same_window",
        area="gate code",
        what="a tail is measured against the very answers that it is asked about",
        check="known_answers",
        edits=(
            Edit(
                file=_TRACKERS,
                old="        waited = measured is not pairs and",
                new="        if self._moving is not None:\n"
                "            self._known = self._moving.learn(self._known, pairs)\n"
                "            self.question = self._moving.at(self._known)\n"
                "        waited = measured is not pairs and",
            ),
        ),
    ),
    Mutant(
        name="tolerance_ignored",
        area="gate code",
        what="a loss that the policy tolerates rolls a hero back, if only enough queries show it",
        check="known_answers",
        edits=(
            Edit(
                file=_FORMS,
                old="        x = self._lost(p, p.baseline.latency_ms, net_ms(p.hero)) - self.tolerated\n",
                new="        x = self._lost(p, p.baseline.latency_ms, net_ms(p.hero))\n",
            ),
        ),
    ),
)

LETS_PASS = (
    Mutant(
        name="red_does_not_decide",
        area="gate code",
        what="a RED cell is listed and nothing follows",
        check="known_answers",
        pack=_LOST,
        edits=(
            Edit(
                file=_DECIDE,
                old="        elif cell.verdict is Verdict.RED and _measured(cell):\n",
                new="        elif cell.verdict is Verdict.RED and _measured(cell) and not cell.step:\n",
            ),
            Edit(
                file=_DECIDE,
                old="        elif cell.verdict is Verdict.RED:\n",
                new="        elif cell.verdict is Verdict.RED and not cell.step:\n",
            ),
            Edit(
                file=_DECIDE,
                old='cell.required == "green" or not cell.n:\n',
                new='cell.verdict is Verdict.INCONCLUSIVE and cell.required == "green" or not cell.n:\n',
            ),
        ),
    ),
    Mutant(
        name="undecided_passes",
        area="gate code",
        what="what was not shown to hold counts as shown",
        check="known_answers",
        edits=(
            Edit(
                file=_DECIDE,
                old='cell.required == "green" or not cell.n:\n',
                new='cell.required == "GREEN" or not cell.n:\n',
            ),
        ),
    ),
    Mutant(
        name="undecided_is_green",
        area="gate code",
        what="whatever was looked at once is GREEN",
        check="known_answers",
        edits=(
            Edit(
                file=_TRACKERS,
                old="        return self._shown and not self._blocks and not self.busy\n",
                new="        return not self._blocks and not self.busy\n",
            ),
        ),
    ),
    Mutant(
        name="errors_forgiven",
        area="gate code",
        what="queries that only the hero fails no longer block it",
        check="known_answers",
        pack=seeded("failing", share=0.002),
        edits=(
            Edit(
                file=_TRACKERS,
                old="        return self._shown and not self._blocks and not self.busy\n",
                new="        return self._shown and not self.busy\n",
            ),
        ),
    ),
    Mutant(
        name="green_is_latched",
        area="gate code",
        what="what was good for one window counts as good, whatever came later",
        check="known_answers",
        edits=(
            Edit(
                file=_TRACKERS,
                old="        self._shown = bool(self.question.green) and",
                new="        self._shown = self._shown or bool(self.question.green) and",
            ),
        ),
    ),
    Mutant(
        name="missing_passes",
        area="gate code",
        what="a check that reported nothing is passed over",
        check="known_answers",
        arguments=("--deselect=suites/canary/test_guards.py::test_guard[{hero}-errors]",),
        edits=(
            Edit(
                file=_DECIDE,
                old="        if cell is None:\n",
                new='        if cell is None and outcome == "missing":\n            continue\n'
                "        if cell is None:\n",
            ),
        ),
    ),
    Mutant(
        name="plan_from_collection",
        area="gate code",
        what="what was not collected was not planned",
        check="evidence",
        says="not every planned check",
        arguments=("--deselect=suites/canary/test_guards.py::test_guard[{hero}-errors]",),
        relock=True,
        edits=(
            Edit(
                file=_PLUGIN,
                old="            self.plans[subject.name], self.seen, promotes",
                new="            tuple(key for key in self.seen if key[0] == subject.name), self.seen, promotes",
            ),
        ),
    ),
    Mutant(
        name="exit_status_is_zero",
        area="gate code",
        what="the page says ROLLBACK, the pipeline reads success",
        check="evidence",
        says="status",
        pack=_LOST,
        edits=(
            Edit(
                file=_PLUGIN,
                old="                session.exitstatus = EXIT[self.release.decision]",
                new="                session.exitstatus = 0 * EXIT[self.release.decision]",
            ),
        ),
    ),
    Mutant(
        name="attested_as_promoted",
        area="gate code",
        what="the exit status says ROLLBACK, the attestation PROMOTE",
        check="evidence",
        says="attest",
        pack=_LOST,
        edits=(
            Edit(
                file="reports/attestation/document.py",
                old="        decision=outcome.decision,\n        reasons=outcome.reasons,\n        constants",
                new="        decision=Decision.PROMOTE,\n        reasons=outcome.reasons,\n        constants",
            ),
        ),
    ),
    Mutant(
        name="blind_item",
        area="gate code",
        what="the test of a gate passes whatever the evidence says",
        check="sla_recall_at_50_delta",
        pack=_LOST,
        edits=(
            Edit(file="suites/canary/test_gates.py", old="    settle(gate)\n", new="    gate.step or settle(gate)\n"),
        ),
    ),
    Mutant(
        name="check_deselected",
        area="gate code",
        what="a check is not run",
        check="errors",
        says="missing, no evidence",
        arguments=("--deselect=suites/canary/test_guards.py::test_guard[{hero}-errors]",),
        heroes="any",
    ),
    Mutant(
        name="battery_deselected",
        area="gate code",
        what="the climb begins although nobody looked at the battery",
        check="stop_rule",
        says="missing, no evidence",
        arguments=("--deselect=suites/sanity/test_sanity.py",),
        heroes="any",
    ),
    Mutant(
        name="check_skipped",
        area="gate code",
        what="a check is skipped by hand",
        check="ndcg_at_10",
        says="pytest says skipped",
        edits=(
            Edit(
                file="suites/canary/test_guards.py",
                old="    settle(guard)\n",
                new='    if guard.check == "ndcg_at_10":\n        pytest.skip("flaky")\n    settle(guard)\n',
            ),
        ),
    ),
)
