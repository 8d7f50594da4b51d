import type { Progress } from '../interface/volume-driver.ts';
import { VolumeBackendAPIException } from '../objects/exceptions.ts';
import type { Volume } from '../objects/volume.ts';
import { requireDriver, type VolumeManager } from './manager.ts';

/** Copies one volume of this backend over another, by the paths that the driver gives (manager.md §6.3 step 3). */
export async function copyLocally(
  manager: VolumeManager,
  from: Volume,
  to: Volume,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  const driver = requireDriver(manager);
  const { withLocalPath } = driver;
  if (withLocalPath === undefined) {
    throw new VolumeBackendAPIException({ data: `${driver.name} gives no path to copy the data of a volume by` });
  }
  const local = withLocalPath.bind(driver);
  await local(
    from,
    { write: false },
    (source, sourceFormat) =>
      local(
        to,
        { write: true },
        (target, targetFormat) =>
          manager.copier.copy(
            { path: source, format: sourceFormat },
            { path: target, format: targetFormat },
            { signal, progress },
          ),
        signal,
      ),
    signal,
  );
}
