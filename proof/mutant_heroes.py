"""Which faults may a hero bring along: in its answers, its index, its calibrator, its policy?"""

from __future__ import annotations

from proof.mutant import Edit, Mutant, seeded

_UNCHANGED = "            case _:\n                return answer\n"


def answers(changed: str) -> tuple[Edit, ...]:
    """Let a system with a fault of kind slow (of 0 ms) say this instead of `answer`."""
    return (Edit(file="fixtures/systems/faults.py", old=_UNCHANGED, new=_UNCHANGED.replace("return answer", changed)),)


def in_baseline(fault: str) -> tuple[Edit, ...]:
    """Break the baseline as well."""
    opened = "    incumbent = hero.baseline_kind.open_system(collection)\n"
    contest, known = "rollout/comparison.py", "from fixtures.systems.faults import break_system\n"
    return (
        Edit(file=contest, old=known, new=known.replace("break_system", "Fault, break_system")),
        Edit(file=contest, old=opened, new=f"{opened}    incumbent = break_system(incumbent, {fault})\n"),
    )


BAD_HEROES = (
    Mutant(
        name="nothing_found",
        area="hero",
        what="every answer is empty",
        check="stop_rule",
        pack=seeded("empty"),
        heroes="any",
    ),
    Mutant(
        name="configuration_not_applied",
        area="hero",
        what="another configuration is announced, but the incumbent's is opened for both",
        check="stop_rule",
        hero="lexical",
        edits=(
            Edit(
                file="rollout/comparison.py",
                old="hero.system_kind.open_system(collection)",
                new="hero.baseline_kind.open_system(collection)",
            ),
        ),
    ),
    Mutant(
        name="tail_cut",
        area="hero",
        what="a third of the answers ends after ten hits",
        check="sla_recall_at_50_delta",
        pack=seeded("truncated", keep=10, share=0.34),
    ),
    Mutant(
        name="nothing_found_for_some",
        area="hero",
        what="a tenth of the answers is empty",
        check="sla_recall_at_50_delta",
        pack=seeded("empty", share=0.1),
        heroes="any",
    ),
    Mutant(
        name="order_lost",
        area="hero",
        what="the right hits in any order",
        check="ndcg_at_10",
        pack=seeded("shuffled"),
        heroes="any",
    ),
    Mutant(
        name="some_fail",
        area="hero",
        what="two queries in a hundred are not answered",
        check="errors",
        says="one already blocks promotion",  # where a canary is too short to show a rate
        pack=seeded("failing", share=0.02),
        heroes="any",
    ),
    Mutant(
        name="all_late",
        area="hero",
        what="every answer comes 40 ms later",
        check="p95_latency",
        pack=seeded("slow", milliseconds=40),
        heroes="timed",
    ),
    Mutant(
        name="few_very_late",
        area="hero",
        what="nine answers in two hundred come 60 ms later; p95 looks as before",
        check="p99_latency",
        pack=seeded("slow", milliseconds=60, share=0.045),
        heroes="timed",
    ),
    Mutant(
        name="demoted_on_one_intent",
        area="hero",
        what="on one kind of query the first hit comes last",
        check="ndcg_error",
        pack=seeded("demoted", places=49, intent="error"),
    ),
    Mutant(
        name="some_late",
        area="hero",
        what="one answer in fifteen comes too late; the median looks perfect",
        check="sla_recall_at_50_delta",
        pack=seeded("slow", milliseconds=200, share=0.0667),
        heroes="timed",
    ),
    Mutant(
        name="loss_comes_late",
        area="hero",
        what="the hero gets worse only when it serves everybody",
        check="sla_recall_at_50_delta",
        pack=seeded("slow"),
        edits=answers(
            'self._asked = getattr(self, "_asked", 0) + 1\n'
            "                return _keep(answer, 0) if self._asked > 1300 and draw < 0.3 else answer"
        ),
    ),
    Mutant(
        name="spendthrift",
        area="hero",
        what="on one query in four the router spends 50 ms more than its cap allows",
        check="spend",
        pack=seeded("spending", milliseconds=50, share=0.25),
        heroes="any",
    ),
    Mutant(
        name="one_document_twice",
        area="hero",
        what="an answer names its best document twice, to be credited twice",
        check="errors",
        pack=seeded("slow", share=0.1),
        edits=answers("return replace(answer, doc_ord=np.r_[answer.doc_ord[:1], answer.doc_ord[:-1]])"),
        heroes="any",
    ),
    Mutant(
        name="one_intent_lost",
        area="hero",
        what="error messages find nothing any more, while the mean gains because the incumbent is worse elsewhere",
        check="recall_error",
        pack=seeded("empty", intent="error"),
        edits=in_baseline('Fault(kind="truncated", keep=1, share=0.6)'),
    ),
)

BAD_INDICES = (
    Mutant(
        name="index_is_stale",
        area="index",
        what="the index lags three lines behind the code in every second file",
        check="file_credit",
        pack=seeded("stale", lines=3, share=0.5),
    ),
    Mutant(
        name="lines_are_one_off",
        area="index",
        what="both arms show lines that are one off, so no comparison sees it",
        check="oracle_queries",
        edits=(
            Edit(
                file="fixtures/systems/lens.py",
                old="line_start=index.line_start, line_end=index.line_end)",
                new="line_start=index.line_start + 1, line_end=index.line_end + 1)",
            ),
        ),
    ),
    Mutant(
        name="vectors_cut",
        area="index",
        what="the exact vectors end one document early",
        check="index_integrity",
        edits=(
            Edit(
                file="lens/index.py",
                old='vectors=np.load(folder / "vectors.npy"),',
                new='vectors=np.load(folder / "vectors.npy")[:-1],',
            ),
        ),
    ),
    Mutant(
        name="index_is_half",
        area="index",
        what="every second document was not indexed",
        check="sla_recall_at_50_delta",
        pack=seeded("slow"),
        edits=answers(
            "odd = answer.doc_ord % 2 == 1\n"
            "                "
            "return replace(answer, doc_ord=answer.doc_ord[odd], score=answer.score[odd], why=answer.why[odd])"
        ),
        heroes="any",
    ),
    Mutant(
        name="both_indices_empty",
        area="index",
        what="the shared index is empty, so hero and baseline agree on nothing",
        check="stop_rule",
        edits=(
            Edit(
                file="fixtures/systems/lens.py",
                old="doc_ord=found.doc_ord,\n            score=found.score,\n            why=found.why,",
                new="doc_ord=found.doc_ord[:0],\n            score=found.score[:0],\n            why=found.why[:0],",
            ),
        ),
    ),
    Mutant(
        name="wheel_is_another",
        area="index",
        what="a wheel in the cache has other bytes than the lock names, and there is no network to mend it",
        check="collection",
        says="pip could not download its wheels",
        edits=(Edit(file="cache/wheels/dask-2026.8.0-py3-none-any.whl", old="", new="not the wheel that was locked"),),
        environment={"HERO_GATE_CACHE": "cache", "PIP_NO_INDEX": "1"},
    ),
)

BAD_CALIBRATORS = (
    Mutant(
        name="calibrator_is_slow",
        area="calibrator",
        what="one call in five takes 2 ms longer",
        check="calibrator_p99",
        pack=seeded("slow", share=0.2),
        edits=answers("return replace(answer, calibrator_ns=answer.calibrator_ns + 2_000_000)"),
        heroes="timed",
    ),
    Mutant(
        name="confidence_is_stretched",
        area="calibrator",
        what="confidence is more extreme than the answers are right",
        check="aece_tau",
        pack=seeded("overconfident", stretch=2.0, around=0.69),
    ),
    Mutant(
        name="confidence_means_nothing",
        area="calibrator",
        what="confidence is 1 or 99 %, by the toss of a coin",
        check="aece_tau",
        pack=seeded("slow"),
        edits=answers("return replace(answer, confidence=0.01 if draw < 0.5 else 0.99)"),
        heroes="any",
    ),
    Mutant(
        name="confidence_is_shifted",
        area="calibrator",
        what="confidence lost six tenths everywhere",
        check="confidence_shift",
        pack=seeded("slow"),
        edits=answers("return replace(answer, confidence=max(0.001, answer.confidence - 0.6))"),
        heroes="any",
    ),
    Mutant(
        name="one_intent_is_underrated",
        area="calibrator",
        what="answers to questions in prose are trusted a quarter less than they are right, others as they are",
        check="calibration_docstring",
        pack=seeded("slow", intent="docstring"),
        edits=answers("return replace(answer, confidence=max(0.001, answer.confidence - 0.25))"),
    ),
    Mutant(
        name="calibrator_was_edited",
        area="calibrator",
        what="the calibrator's file is not the one its digest names",
        check="evidence",
        says="is not that of its content",
        edits=(Edit(file="configs/smoke/calib_v22.json", old='"version": "CALIB_V22"', new='"version": "CALIB_V23"'),),
    ),
    Mutant(
        name="calibrator_of_its_own",
        area="calibrator",
        what="the hero brings a calibrator fitted elsewhere",
        check="configuration",
        says="both must share it",
        hero="lexical",
        edits=(
            Edit(
                file="configs/smoke/lexical_pack_a.yaml",
                old="calibrator: calib_v22.json",
                new="calibrator: ../calib_v22.json",
            ),
        ),
    ),
)

_POLICY = "configs/smoke/policy.yaml"

BAD_POLICIES = (
    Mutant(
        name="limit_loosened_by_pack",
        area="policy",
        what="a hero sets its own limit",
        check="configuration",
        says="unknown key",
        pack={"policy": {"gates": {"sla_recall_at_50_delta": {"margin": 0.9}}}},
        heroes="any",
    ),
    Mutant(
        name="check_left_out_by_pack",
        area="policy",
        what="a hero that lost recall leaves out the checks that would see it",
        check="configuration",
        says="left_out",
        pack={
            **seeded("truncated", keep=10, share=0.34),
            "policy": {
                "left_out": {
                    "sla_recall_at_50_delta": "it is red",
                    "recall_docstring": "it is red",
                    "recall_identifier": "it is red",
                    "recall_error": "it is red",
                }
            },
        },
    ),
    Mutant(
        name="instruments_left_out_by_pack",
        area="policy",
        what="a hero asks for no test of the measuring",
        check="configuration",
        says="left_out",
        pack={"policy": {"left_out": {"known_answers": "no", "aa_shadow": "no", "traffic_share": "no"}}},
        heroes="any",
    ),
    Mutant(
        name="limit_unattainable",
        area="policy",
        what="the policy asks for more than an equal hero could ever show",
        check="configuration",
        says="an equal hero is shown to hold",
        edits=(
            Edit(
                file="configs/policy.yaml",
                old="margin: 0.02, final_margin: 0.01",
                new="margin: 0.002, final_margin: 0.0001",
            ),
        ),
        arguments=("--configs=configs",),  # of the smoke corpus nothing is known beforehand
    ),
    Mutant(
        name="key_mistyped",
        area="policy",
        what="a limit is written under a name that nothing reads",
        check="configuration",
        says="unknown key",
        edits=(Edit(file=_POLICY, old="ndcg_at_10: {", new="ndcg_10: {"),),
    ),
    Mutant(
        name="no_hero_declared",
        area="policy",
        what="the RED threshold is set for no hero at all",
        check="configuration",
        says="heroes names no hero",
        edits=(
            Edit(
                file=_POLICY,
                old="  lexical: lexical_pack_a.yaml\n  router: router_pack_b.yaml\n  ann: ann_pack_c.yaml\n",
                new="",
            ),
            Edit(file=_POLICY, old="heroes: #", new="heroes: {} #"),
        ),
    ),
    Mutant(
        name="error_rates_raised",
        area="policy",
        what="a bad hero passes every second time, and the report still promises one in a hundred",
        check="configuration",
        says="error_rates",
        edits=(Edit(file=_POLICY, old="  green: 0.01 #", new="  green: 0.5 #"),),
    ),
)
