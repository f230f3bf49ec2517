// Topics: what is built is read back, and nothing else is.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Topics } from "../../../../agent/link/topics.js";
import { assertFails } from "../../../support/failure.js";
import { Random } from "../../../support/random.js";

const test = suite("topics");
const DEVICE = "00112233445566778899aabbccddeeff";
const topics = new Topics("demo", DEVICE);
const OWN = `pv/1/demo/${DEVICE}/dn`;

const GOOD: [topic: string, from: string, group: string, kind: string, partition: string][] = [
  [`${OWN}/root`, "device", "", "root", ""],
  [`${OWN}/time`, "device", "", "time", ""],
  [`${OWN}/groups`, "device", "", "groups", ""],
  [`${OWN}/img`, "device", "", "img", ""],
  [`${OWN}/cmd`, "device", "", "cmd", ""],
  [`${OWN}/pol/work`, "device", "", "pol", "work"],
  ["pv/1/demo/g/sales/dn/pol/work", "group", "sales", "pol", "work"],
  ["pv/1/demo/g/sales/dn/time", "group", "sales", "time", ""],
  ["pv/1/demo/all/dn/root", "all", "", "root", ""],
];

test("every topic of the design is read", () => {
  for (const [topic, from, group, kind, partition] of GOOD) {
    assert.equal(topics.parse(topic), { from, group, kind, partition });
  }
});

test("a root document by its number comes from everybody's topics alone", () => {
  const root = { from: "all", group: "", kind: "root", partition: "", rootVersion: 17 };
  assert.equal(topics.parse("pv/1/demo/all/dn/roots/17"), root);
  for (const topic of [
    "pv/1/demo/all/dn/roots/0",
    "pv/1/demo/all/dn/roots/017",
    "pv/1/demo/all/dn/roots/-1",
    "pv/1/demo/all/dn/roots/1e3",
    "pv/1/demo/all/dn/roots/9999999999",
    "pv/1/demo/all/dn/roots/",
    "pv/1/demo/all/dn/roots/1/2",
    "pv/1/demo/all/dn/time/1",
    "pv/1/demo/g/sales/dn/roots/1",
    `${OWN}/roots/1`,
  ]) {
    assert.is(topics.parse(topic), null, topic);
  }
});

test("wildcards, brokers' own topics, other tenants, devices and shapes are none", () => {
  for (const topic of [
    "",
    "$SYS/broker/uptime",
    "$share/fleet/pv/1/demo/all/dn/root",
    `pv/1/other/${DEVICE}/dn/root`,
    `pv/2/demo/${DEVICE}/dn/root`,
    `pv/1/demo/${DEVICE.toUpperCase()}/dn/root`,
    `pv/1/demo/${"0".repeat(32)}/dn/root`,
    `pv/1/demo/${DEVICE}/up/state`,
    `${OWN}`,
    `${OWN}/`,
    `${OWN}/#`,
    `${OWN}/+`,
    `${OWN}/pol`,
    `${OWN}/pol/`,
    `${OWN}/pol/+`,
    `${OWN}/pol/mail/more`,
    `${OWN}/pol/Work`,
    `${OWN}/time/mail`,
    `${OWN}/consent`,
    `${OWN}/constructor`,
    "pv/1/demo/g/+/dn/root",
    "pv/1/demo/g//dn/root",
    "pv/1/demo/g/sales/dn/cmd",
    "pv/1/demo/g/sales/dn/groups",
    "pv/1/demo/all/dn/cmd",
    `/${OWN}/root`,
    `${OWN}/time/`,
    `${OWN}/pol/${"a".repeat(100_000)}`,
  ]) {
    assert.is(topics.parse(topic), null, topic);
  }
});

test("one character changed never makes another kind of document of the same device", () => {
  const random = new Random(11);
  for (let round = 0; round < 20_000; round++) {
    const [topic, , , kind, partition] = random.pick(GOOD);
    const at = random.below(topic.length);
    const changed = topic.slice(0, at) + String.fromCharCode(random.below(128)) + topic.slice(at + 1);
    const found = topics.parse(changed);
    if (found === null || changed === topic) continue;
    // Only names of groups and partitions may differ.
    assert.is(found.kind, kind, changed);
    assert.is(found.partition === "", partition === "");
  }
});

test("names that are no labels make no topic, and no filter", () => {
  assertFails("TOPIC_NAME", () => new Topics("+", DEVICE));
  assertFails("TOPIC_NAME", () => new Topics("a/b", DEVICE));
  assertFails("TOPIC_NAME", () => new Topics("", DEVICE));
  assertFails("TOPIC_NAME", () => new Topics("demo", "$SYS"));
  assertFails("TOPIC_NAME", () => topics.stream("log", "#"));
  assert.equal(topics.filters(["sales", "+", "a/b", "$x"]), [
    `${OWN}/#`,
    "pv/1/demo/all/dn/#",
    "pv/1/demo/fleet/state",
    "pv/1/demo/g/sales/dn/#",
  ]);
});

test.run();
