// How does Allure 3 show a release? As the run staged it (reports/render/allure.py): told.json lies where Allure is run.
import { readFileSync } from "node:fs";

const told = JSON.parse(readFileSync("told.json", "utf8"));
const bears = (label, value) => ({ labels }) => labels.some(one => one.name === label && one.value === value);
const cut = name => (name.length > 64 ? `${name.slice(0, 63)}…` : name); // longer ones Allure refuses

export default {
  name: told.name,
  variables: told.variables,
  environments: Object.fromEntries(
    Object.entries(told.environments).map(([id, name]) => [id, { name: cut(name), matcher: bears("parentSuite", name) }]),
  ),
  categories: [
    ...["decision", ...told.answers].map(name => ({ name, matchers: bears("answer", name), groupByMessage: false, groupEnvironments: false })),
    { name: "crashed", matchers: { statuses: ["broken", "failed"] } },
  ],
  historyPath: "history.jsonl",
  plugins: {
    awesome: {
      options: {
        singleFile: true,
        reportLanguage: "en",
        groupBy: told.run_id ? ["suite"] : ["parentSuite", "suite"], // heroes are environments
        charts: [
          { type: "statusDynamics", title: "Checks of the last runs" },
          { type: "statusTransitions", title: "What changed since the run before" },
          { type: "durations", title: "How long checks took", groupBy: "none" },
        ],
      },
    },
  },
};
