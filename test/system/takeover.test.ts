import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ApiAttachment, attach, detach } from '../support/api-attachments.ts';
import { accepted } from '../support/cinder.ts';
import type { Daemon } from '../support/daemon.ts';
import { anApiSnapshot, anApiVolume, apiDelete } from '../support/deployment.ts';
import { amongNeighbours, type Neighbourhood } from '../support/neighbours.ts';
import { sizeOfVolume, wordsOf, wordsWritten, writeWord } from '../support/share-content.ts';

const backend = 'nfs_1';
const title = 'a backend goes from Debian’s cinder-volume to us and back';

interface Made {
  /** With content, and a snapshot that has it too. */
  readonly source: { readonly id: string; readonly size: number };
  readonly snapshot: { readonly id: string };
  /** Connected to a host. */
  readonly attached: { readonly id: string };
  readonly attachment: ApiAttachment;
  readonly copy: { readonly id: string };
}

let file = '';
let daemon: Daemon;

async function setUp(those: Neighbourhood): Promise<void> {
  file = those.backend(backend);
  daemon = those.daemon(file);
  await those.startDebian(file);
  await those.isSeen(backend);
}

amongNeighbours(title, setUp, (those) => {
  test(`${title}, and each goes on with what the other has made: the files of configuration and the database as they are [issue: neighbours, L-082, storage 3.3, database 2.1]`, async () => {
    const { cinder } = those();
    const service = await serviceRows(those());

    const made = await makeSome(those());
    await those().stopDebian();
    await daemon.startUp();
    await those().isSeen(backend);
    const services = [await serviceRows(those())];
    const next = await goOn(those(), made);
    const ended = await daemon.stop();
    await those().startDebian(file);
    await those().isSeen(backend);
    services.push(await serviceRows(those()));
    const last = await goOn(those(), next);
    await detach(cinder, last.attached.id, last.attachment.id);
    for (const { id } of [last.source, last.attached, last.copy]) {
      await apiDelete(cinder, 'volumes', id, '?cascade=true');
    }
    await those().isAtRest();

    assert.equal(service.length, 1);
    assert.deepEqual(services, [service, service]);
    assert.deepEqual(ended, { code: 0, signal: null });
    assert.deepEqual(those().filesOf(backend), []);
    assert.deepEqual(await those().quotaInUse(), {});
    assert.deepEqual(daemon.logged(/ (ERROR|CRITICAL) /), []);
  });

  test(`${title}: what the one was killed in the other carries to its end [issue: neighbours, manager 2.3, database 5.5, R-06]`, async () => {
    const { cinder } = those();
    const folder = those().folderOf(backend);
    const source = await anApiVolume(cinder, {});
    writeWord(join(folder, `volume-${source.id}`), 'source');
    const [doomed, other] = [await anApiVolume(cinder, {}), await anApiVolume(cinder, {})];

    // Debian's is in the middle of both, for it waits for locks of the driver, and has recorded both as its own.
    const locks = [doomed, source].map(({ id }) => those().holdFiles(id));
    accepted(await cinder.delete(`/volumes/${doomed.id}`));
    const clone = { volume: { size: 1, source_volid: source.id } };
    const { id: copy } = accepted(await cinder.post('/volumes', clone)).volume;
    await those().areClaimed([doomed.id, copy]);
    await those().killDebian();
    for (const lock of locks) lock.release();
    await daemon.startUp();
    await cinder.becomes('volumes', doomed.id, 'deleted', 90_000);
    await cinder.becomes('volumes', copy, 'available', 90_000);
    const words = wordsOf(folder, `volume-${copy}`);
    await apiDelete(cinder, 'volumes', copy);
    await apiDelete(cinder, 'volumes', source.id);

    // And the other way round.
    const lock = those().holdFiles(other.id);
    accepted(await cinder.delete(`/volumes/${other.id}`));
    await those().areClaimed([other.id]);
    daemon.signalAll('SIGKILL');
    await daemon.gone(60_000);
    lock.release();
    await those().startDebian(file);
    await cinder.becomes('volumes', other.id, 'deleted');
    await those().isAtRest();

    assert.equal(words, wordsWritten('source'));
    assert.deepEqual(those().filesOf(backend), []);
  });
});

async function makeSome(those: Neighbourhood): Promise<Made> {
  const { cinder } = those;
  const source = await anApiVolume(cinder, {});
  writeWord(join(those.folderOf(backend), `volume-${source.id}`), 'source');
  // Debian's driver clones no volume with snapshots.
  const copy = await anApiVolume(cinder, { source_volid: source.id });
  const snapshot = await anApiSnapshot(cinder, source.id);
  const attached = await anApiVolume(cinder, {});
  const attachment = await attach(cinder, attached.id);
  return { source, snapshot, attached, attachment, copy };
}

/** All that the service now at work does with what its predecessor has left. */
async function goOn(those: Neighbourhood, made: Made): Promise<Made> {
  const { cinder } = those;
  const folder = those.folderOf(backend);
  const { source, snapshot, attached } = made;
  const [name, size] = [`volume-${source.id}`, source.size + 1];

  await detach(cinder, attached.id, made.attachment.id);
  const attachment = await attach(cinder, attached.id);
  const restored = await anApiVolume(cinder, { snapshot_id: snapshot.id, size: source.size });
  await apiDelete(cinder, 'snapshots', snapshot.id);
  await cinder.act('volumes', source.id, { 'os-extend': { new_size: size } });
  const grown = await cinder.becomes('volumes', source.id, 'available');
  const copy = await anApiVolume(cinder, { source_volid: source.id, size });
  const another = await anApiSnapshot(cinder, source.id);
  for (const { id } of [restored, copy]) assert.equal(wordsOf(folder, `volume-${id}`), wordsWritten('source'));
  for (const { id } of [restored, made.copy]) await apiDelete(cinder, 'volumes', id);

  assert.deepEqual(attachment.connection, made.attachment.connection);
  assert.deepEqual([grown.size, sizeOfVolume(folder, name)], [size, size]);
  assert.equal(wordsOf(folder, name), wordsWritten('source'));
  return { source: grown, snapshot: another, attached, attachment, copy };
}

function serviceRows(those: Neighbourhood) {
  return those.rows(`select id, uuid, host, disabled from services where deleted = 0 and "binary" = 'cinder-volume'`);
}
