// The kinds of signed documents: what each is called in the protected header (typ, RFC 9596), in external_aad and in topics, and its schema.

import { command } from "./commands.ts";
import { consent, enrolRequest, groupsDoc, image, lockDoc, nowDoc, root, timeDoc } from "./documents.ts";
import { policy } from "./policy.ts";
import { reported } from "./reports.ts";
import { literals, rule, type TypeOf } from "./schema.ts";

export const SCHEMAS = {
  root,
  time: timeDoc,
  pol: policy,
  cmd: command,
  img: image,
  groups: groupsDoc,
  enrol: enrolRequest,
  consent,
  report: reported,
  lock: lockDoc,
  now: nowDoc,
} as const;
export type DocumentKind = keyof typeof SCHEMAS;
export type DocumentOf<K extends DocumentKind> = TypeOf<(typeof SCHEMAS)[K]>;

const TYPES = {
  root: "application/pv-root+cbor",
  time: "application/pv-time+cbor",
  pol: "application/pv-policy+cbor",
  cmd: "application/pv-cmd+cbor",
  img: "application/pv-image+cbor",
  groups: "application/pv-groups+cbor",
  enrol: "application/pv-enrol+cbor",
  consent: "application/pv-consent+cbor",
  report: "application/pv-report+cbor",
  lock: "application/pv-lock+cbor",
  now: "application/pv-now+cbor",
} as const satisfies Record<DocumentKind, string>;

export const docType = rule("doc-type", literals(...Object.values(TYPES)));
export type DocumentType = TypeOf<typeof docType>;

export const typeOfKind = (kind: DocumentKind): DocumentType => TYPES[kind];

export function kindOfType(type: DocumentType): DocumentKind {
  return (Object.keys(TYPES) as DocumentKind[]).find((kind) => TYPES[kind] === type)!;
}
