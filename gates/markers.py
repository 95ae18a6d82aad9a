"""What can be asked for by `-m`? pytest.ini lists the same, for whoever reads only that."""

MARKERS = {
    "sanity": "the battery before the climb; every canary runs it first",
    "lock": "is what runs what was locked; with --write it is locked anew",
    "canary": "the four gates at each step of the traffic ladder, the guards and the instruments",
    "select": "which system of a pack's grid is the best one on the selection queries",
    "nightly": "what serves today, asked every night; the four jobs below in their order",
    "performance": "does the incumbent still give the numbers it was promoted on? with --write they are taken anew",
    "refresh": "does each micro-suite get enough fresh queries to show a loss that matters?",
    "regenerate": "are agg.parquet and hits.parquet of the night whole, and of the queries that were drawn?",
    "whiskers": "has every metric an interval, written to hero_span_v22.csv and the plots?",
    "weekly": "what is looked at once a week, early on Sunday",
    "parity": "the calibrator and AECE binning in Python, Rust and TypeScript, on the same tuples",
    "drift": "does confidence still mean what it meant when the incumbent was accepted? with --write it is taken anew",
    "pool": "does every system bring to the pool what it brought last week? with --write the new pool is accepted",
    "tripwire": "are the answers of what serves such as no working search gives? RED alone rolls back at once",
    "continuous": "what is probed all day",
    "health": "a quick probe of what serves, every five minutes of a working day",
    "gate_monitor": "is any run overdue, and would the last canary's gates still hold? every quarter of an hour",
    "emergency": "does what serves answer at all? every minute, within two seconds (suites/continuous/emergency.ini)",
}
