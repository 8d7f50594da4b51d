import { join } from 'node:path';

import fileDriver from '../../src/drivers/file.ts';
import { volumeDriverConformance } from '../conformance/volume-driver.ts';
import { driverParts, reading } from '../support/driver-parts.ts';
import { fileData } from '../support/file-backend.ts';
import { aFolder } from '../support/folder.ts';

volumeDriverConformance('file', async (t) => {
  const statePath = aFolder(t);
  const parts = driverParts(statePath);
  const driver = await fileDriver.create(parts, reading());
  await driver.doSetup(new AbortController().signal);
  return { driver, data: fileData(join(statePath, 'backend'), parts.naming) };
});
