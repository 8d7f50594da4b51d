/** The beginning of a QCOW2 file; what a test does not set is harmless. */
export function qcow2Bytes(
  given: { version?: number; backing?: string; features?: bigint; size?: bigint } = {},
): Buffer {
  const { version = 3, backing, features = 0n, size = 2n ** 20n } = given;
  const head = Buffer.alloc(65_536);
  head.write('QFI\xfb', 0, 'latin1');
  head.writeUInt32BE(version, 4);
  if (backing !== undefined) {
    head.writeBigUInt64BE(512n, 8);
    head.writeUInt32BE(backing.length, 16);
    head.write(backing, 512);
  }
  head.writeUInt32BE(16, 20);
  head.writeBigUInt64BE(size, 24);
  head.writeBigUInt64BE(features, 72);
  head.writeUInt32BE(104, 100);
  return head;
}

/** The beginning of a VMDK of one file with its descriptor. */
export function vmdkBytes(
  descriptor: string,
  given: { capacity?: bigint; version?: number; directory?: bigint; at?: bigint } = {},
): Buffer {
  const head = Buffer.alloc(65_536);
  head.write('KDMV', 0, 'latin1');
  head.writeUInt32LE(given.version ?? 1, 4);
  head.writeBigUInt64LE(given.capacity ?? 2048n, 12);
  head.writeBigUInt64LE(given.at ?? 1n, 28);
  head.writeBigUInt64LE(20n, 36);
  head.writeBigUInt64LE(given.directory ?? 26n, 56);
  head.write(descriptor, 512);
  return head;
}

/** A descriptor as VMware writes it. */
export function vmdkDescriptor(kind: string, extent = 'RW 2048 SPARSE "disk.vmdk"'): string {
  return `# Disk DescriptorFile
version=1
CID=fffffffe
parentCID=ffffffff
createType="${kind}"

# Extent description
${extent}

# The Disk Data Base
#DDB

ddb.virtualHWVersion = "4"
ddb.adapterType = "ide"
`;
}
