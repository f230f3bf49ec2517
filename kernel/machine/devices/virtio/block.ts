// virtio-block: lands with the virtio transport.

export function blockComplete(index: u32, status: u32): void {}
