// CHANGELOG.md: sections of versions, the newest first; what is not released yet stands under "## Unreleased".

const UNRELEASED = "## Unreleased";

/** The text with its unreleased part as a version of this day; null when there is nothing to release. */
export function releasedChangelog(text: string, version: string, day: Date): string | null {
  const [, part] = text.split(`${UNRELEASED}\n`);
  const entries = part?.split(/^## /m)[0] ?? "";
  if (!/^- /m.test(entries)) return null;
  return text.replace(`${UNRELEASED}\n`, `## ${version} (${day.toISOString().slice(0, 10)})\n`);
}

/** What changed in a version, for whoever installs it. */
export function releaseNotes(changelog: string, version: string): string {
  const part = changelog.split(/^(?=## )/m).find((each) => each.startsWith(`## ${version} `)) ?? "";
  return `${part.split("\n").slice(1).join("\n").trim()}\n`;
}
