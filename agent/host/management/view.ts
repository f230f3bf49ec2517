// Management as people see it.

import { factsOf, sentence } from "../../policy/facts.ts";
import { numbersOf } from "../../policy/limits.ts";
import type { ManagementView } from "../../view.ts";
import { toHex } from "../../wire/bytes.ts";
import { SECTIONS, type SectionName } from "../../wire/policy.ts";
import { isStale } from "../../wire/trust.ts";
import type { Standing } from "./standing.ts";

/** `agentPid`: null while no agent runs; `samples`: told since the start. */
export function managementView(standing: Standing, agentPid: number | null, samples: number): ManagementView {
  const { trust } = standing.governance;
  return {
    device: toHex(standing.governance.device),
    agentPid,
    link: standing.link,
    queue: standing.queue,
    samples,
    stale: isStale(trust, standing.now()),
    policies: [...standing.partitions.values()].flatMap((partition) => {
      const reported = standing.reportedOf(partition, true);
      if (reported === null) return [];
      const { epoch, version } = reported.policy;
      const sections = Object.entries(SECTIONS).flatMap(([section, { number }]): [string, string][] => {
        const compliance = reported.sections.get(number);
        return compliance === undefined ? [] : [[section, compliance.state]];
      });
      return [
        {
          partition: partition.name,
          version: `${epoch}.${version}`,
          appliedAt: reported.appliedAt,
          sections: Object.fromEntries(sections) as Partial<Record<SectionName, string>>,
          limits: numbersOf(partition.limits!),
          allows: factsOf(partition.policy!.document)
            .filter(({ limit }) => limit)
            .map(sentence),
          refusal: partition.refusal,
          lockedFor: partition.lockedFor,
          console: standing.options.guard().state(partition.name),
        },
      ];
    }),
  };
}
