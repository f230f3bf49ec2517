// The changelog when a version is released.

import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { releasedChangelog, releaseNotes } from "../../../scripts/changelog.js";

const changelog = suite("changelog");
const TEXT = "# Changelog\n\n## Unreleased\n\n### Added\n\n- One.\n\n## 0.1.0 (2026-01-01)\n\n### Added\n\n- Zero.\n";
const DAY = new Date("2026-02-03T23:00:00Z");

changelog("the unreleased part becomes the version, and its notes are that part alone", () => {
  const text = releasedChangelog(TEXT, "0.2.0", DAY)!;
  assert.match(text, /^## 0\.2\.0 \(2026-02-03\)$/m);
  assert.not.match(text, /Unreleased/);
  assert.is(releaseNotes(text, "0.2.0"), "### Added\n\n- One.\n");
  assert.is(releaseNotes(text, "0.1.0"), "### Added\n\n- Zero.\n");
});

changelog("without an entry there is nothing to release", () => {
  assert.is(releasedChangelog(TEXT.replace("- One.\n", ""), "0.2.0", DAY), null);
  assert.is(releasedChangelog("# Changelog\n\n## 0.1.0 (2026-01-01)\n\n- Zero.\n", "0.2.0", DAY), null);
});

changelog("the project's own changelog can be released, under the usual headings", () => {
  const text = readFileSync(new URL("../../../CHANGELOG.md", import.meta.url), "utf8");
  assert.ok(releasedChangelog(text, "99.0.0", DAY) !== null);
  const headings = [...text.matchAll(/^### (.*)$/gm)].map((match) => match[1]!);
  assert.equal(
    [...new Set(headings)].filter((each) => !["Added", "Changed", "Fixed", "Removed"].includes(each)),
    [],
  );
});

changelog.run();
