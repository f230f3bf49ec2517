// Management as people see it.

import { SECTIONS, type Section } from "../../policy/compliance.ts";
import type { ManagementView } from "../../view.ts";
import { toHex } from "../../wire/bytes.ts";
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
      const sections = Object.entries(SECTIONS).flatMap(([section, key]): [string, string][] => {
        const compliance = reported.sections.get(key);
        return compliance === undefined ? [] : [[section, compliance.state]];
      });
      return [
        {
          partition: partition.name,
          version: `${epoch}.${version}`,
          appliedAt: reported.appliedAt,
          sections: Object.fromEntries(sections) as Partial<Record<Section, string>>,
          limits: {
            cpuPermille: partition.limits!.cpuPermille,
            energyMicrowatts: partition.limits!.energyMicrowatts,
            memoryBytesMax: partition.limits!.memoryBytesMax,
            translatedBytesMax: partition.limits!.translatedBytesMax,
          },
          refusal: partition.refusal,
          lockedFor: partition.lockedFor,
          console: standing.options.guard().state(partition.name),
        },
      ];
    }),
  };
}
