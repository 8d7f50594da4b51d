import fakeDriver from '../../src/drivers/fake.ts';
import { volumeDriverConformance } from '../conformance/volume-driver.ts';
import { driverParts, reading } from '../support/driver-parts.ts';
import { aFolder } from '../support/folder.ts';

volumeDriverConformance('fake', async (t) => {
  const driver = await fakeDriver.create(driverParts(aFolder(t)), reading());
  await driver.doSetup(new AbortController().signal);
  return { driver };
});
