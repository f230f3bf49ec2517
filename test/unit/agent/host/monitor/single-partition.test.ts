// A partition's end, whatever its machine does: traps, never comes back, refuses to start, or finds its image changed.

import binaryen from "binaryen";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SinglePartition, type SinglePartitionOptions } from "../../../../../agent/host/monitor/single-partition.js";
import { temporaryFile } from "../../../../support/temporary.js";

/** A machine that is only what the host calls; `run` is the body of run(). */
function machine(run: string, init = "(i32.const 0)"): string {
  const module = binaryen.parseText(`(module
    (import "env" "memory" (memory 3))
    (func $deep (result i32) (i32.add (call $deep) (i32.const 1)))
    (func (export "machineInit") (result i32)
      (i32.store (i32.const 0x1060) (i32.const 0x100000)) ${init})
    (func (export "machineReset")) (func (export "machineTick"))
    (func (export "machineDeadline") (result f64) (f64.const -1))
    (func (export "machineAdvance") (param f64)) (func (export "runExecuted") (result i32) (i32.const 1))
    (func (export "runWork") (result i32) (i32.const 0))
    (func (export "blockComplete") (param i32 i32))
    (func (export "run") (param i32) (result i32) ${run}))`);
  const path = temporaryFile(module.emitBinary(), "machine.wasm");
  module.dispose();
  return path;
}

function partition(machineWasm: string, more: Partial<SinglePartitionOptions> = {}): SinglePartition {
  return new SinglePartition({
    ramBytes: 1 << 20,
    mode: "realtime",
    kernel: { path: temporaryFile("kernel"), sha256: null, offset: null, bssBytes: 0 },
    firmware: null,
    initrd: null,
    commandLine: null,
    deviceTree: null,
    disk: null,
    overhead: "normal",
    consolePort: 0,
    inputIsWhole: false,
    hangMs: 500,
    machineWasm,
    ...more,
  });
}

const shown = (): Promise<void> => Promise.resolve();
const partitions = suite("partition");

partitions(
  "a trap in the machine, and a call without end, end this partition with a reason and nothing else",
  async () => {
    for (const body of ["(unreachable)", "(call $deep)", "(i32.load (i32.const -1))"]) {
      const end = await partition(machine(body)).run(shown);
      assert.equal([end.reason, end.code], ["trap", "MACHINE_TRAP"]);
      assert.is(end.stats!.instructions, 0);
    }
    assert.is((await partition(machine("(i32.const 5)")).run(shown)).reason, "power-off");
  },
);

const ENDLESS = "(loop $l (br $l)) (i32.const 0)";

partitions("a machine that does not come back from a slice is ended by the heartbeat", async () => {
  const end = await partition(machine(ENDLESS)).run(shown);
  assert.equal([end.reason, end.code], ["trap", "MACHINE_STUCK"]);
});

partitions("a machine that does not come back can still be left", async () => {
  const stuck = partition(machine(ENDLESS), { hangMs: 60_000 });
  setTimeout(() => stuck.stop("left"), 200);
  assert.is((await stuck.run(shown)).reason, "left");
});

partitions("a guest that waits for ever is not taken for one that is stuck", async () => {
  const sleeping = partition(machine("(i32.const 1)"));
  setTimeout(() => sleeping.stop("timeout"), 1000);
  assert.is((await sleeping.run(shown)).reason, "timeout");
});

partitions("a machine that refuses its configuration, and an image with another hash, tell so", async () => {
  const refused = await partition(machine("(i32.const 5)", "(i32.const 2)")).run(shown);
  assert.equal([refused.reason, refused.code], ["refused", "HOST_MACHINE_REFUSED"]);
  const kernel = { path: temporaryFile("kernel"), sha256: "0".repeat(64), offset: null, bssBytes: 0 };
  const changed = await partition(machine("(i32.const 5)"), { kernel }).run(shown);
  assert.equal([changed.reason, changed.code], ["image", "IMAGE_HASH"]);
});

partitions.run();
