import { open } from 'node:fs/promises';

/** What the first bytes of a file say that it is, in qemu-img's words, and why no program may open it as that. */
export interface Header {
  readonly format: 'raw' | 'qcow2' | 'qed' | 'vpc' | 'vhdx' | 'vmdk' | 'vdi';
  readonly danger?: string;
}

/** A descriptor of a VMDK begins at 512 and has at most so many bytes (qemu has the same limit). */
const longestDescriptor = 2 ** 20 - 1;

/**
 * Looks at the header of a file before anything else does: qemu-img opens whatever files a header names, with our rights.
 * Only what stands in one file that names no other is safe; what cannot be told is not (upstream's format_inspector).
 */
export async function readHeader(path: string, allowedVmdk: readonly string[]): Promise<Header> {
  const handle = await open(path, 'r');
  try {
    const room = Buffer.alloc(512 + longestDescriptor);
    const { bytesRead } = await handle.read(room, 0, room.length, 0);
    return judge(room.subarray(0, bytesRead), allowedVmdk);
  } finally {
    await handle.close();
  }
}

function judge(head: Buffer, allowedVmdk: readonly string[]): Header {
  const begins = (magic: string): boolean => head.subarray(0, magic.length).equals(Buffer.from(magic, 'latin1'));
  if (begins('QFI\xfb')) return withDanger('qcow2', dangerOfQcow2(head));
  if (begins('QED\0')) return { format: 'qed', danger: failed };
  if (begins('conectix'))
    return withDanger('vpc', head.length < 512 || head.readUInt32BE(60) === 4 ? failed : undefined);
  if (begins('vhdxfile')) return { format: 'vhdx' };
  if (begins('KDMV')) return withDanger('vmdk', dangerOfVmdk(head, allowedVmdk));
  if (head.length >= 512 && head.readUInt32LE(0x40) === 0xbeda107f) return { format: 'vdi' };
  return { format: 'raw' };
}

/** Upstream's words where it has none that say more. */
const failed = 'Image/Volume failed safety check';

function withDanger(format: Header['format'], danger: string | undefined): Header {
  return danger === undefined ? { format } : { format, danger };
}

/** Offsets and bits of qemu's docs/interop/qcow2.txt. */
function dangerOfQcow2(head: Buffer): string | undefined {
  if (head.length < 104) return failed;
  const version = head.readUInt32BE(4);
  const backing = head.readBigUInt64BE(8);
  if (backing !== 0n) {
    const at = Number(backing);
    const name = head.subarray(at, at + Math.min(head.readUInt32BE(16), 1023)).toString('utf8');
    return `fmt=qcow2 backed by: ${name}`;
  }
  if (version === 2) return undefined;
  if (version !== 3) return failed;
  const features = head.readBigUInt64BE(72);
  if ((features & 4n) !== 0n) return 'A qcow2 format image is not allowed to have a data file';
  // Dirty, corrupt, data file, compression type, extended L2: what comes after these is not known here.
  return features >> 5n === 0n ? undefined : failed;
}

/** One file with its descriptor inside, of an allowed kind, whose extents are in no folder. */
function dangerOfVmdk(head: Buffer, allowed: readonly string[]): string | undefined {
  if (allowed.length === 0) return 'Image is a VMDK, but no VMDK createType is allowed';
  if (head.length < 512) return failed;
  const version = head.readUInt32LE(4);
  const capacity = head.readBigUInt64LE(12);
  const [at, sectors] = [head.readBigUInt64LE(28), head.readBigUInt64LE(36)];
  // A footer replaces the header: it could say anything.
  const footer = head.readBigUInt64LE(56) === 0xffff_ffff_ffff_ffffn;
  if (![1, 2, 3].includes(version) || capacity === 0n || at !== 1n || footer) return failed;
  const length = Math.min(Number(sectors) * 512, longestDescriptor);
  const descriptor = head
    .subarray(512, 512 + length)
    .toString('latin1')
    .replace(/\0+$/, '');
  if (descriptor.includes('\0') || /[^\t\n\r\x20-\x7e]/.test(descriptor)) return failed;
  return dangerOfDescriptor(descriptor, allowed);
}

function dangerOfDescriptor(descriptor: string, allowed: readonly string[]): string | undefined {
  const lines = descriptor.split('\n').map((line) => line.trim());
  const kinds = lines.flatMap((line) => /^createType\s*=\s*"?([^"]*)"?$/i.exec(line)?.[1] ?? []);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) return 'Unable to determine VMDK createType';
  if (!allowed.includes(kind)) return 'Invalid VMDK create-type specified';
  const extents = lines.filter((line) => /^(rw|rdonly|noaccess)\s/i.test(line));
  if (extents.length === 0 || extents.some((line) => line.includes('/'))) return failed;
  const strange = lines.some((line) => !/^($|#|ddb|[^\s=]+\s*=|(rw|rdonly|noaccess)\s)/i.test(line));
  const parent = lines.some((line) => /^parentFileNameHint\s*=/i.test(line));
  return strange || parent ? failed : undefined;
}
