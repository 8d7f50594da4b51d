import { isAbort, messageOf } from '../base/errors.ts';
import type { Connector } from '../interface/volume-driver.ts';
import { InvalidInput, VolumeBackendAPIException } from '../objects/exceptions.ts';
import type { VolumeManager } from './manager.ts';

/** What a driver throws becomes the one class that the REST layer knows for a backend that failed. */
export async function asBackendFailure<T>(what: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new VolumeBackendAPIException({ data: `${what}: ${messageOf(error)}` }, { cause: error });
  }
}

/** Asks the driver whether a connector will do: InvalidInput when it lacks something. `what` is `volume` or `snapshot`. */
export function validateConnector({ driver }: Pick<VolumeManager, 'driver'>, connector: Connector, what: string): void {
  try {
    driver.validateConnector(connector);
  } catch (error) {
    if (error instanceof Error && error.name === 'InvalidConnectorException') {
      throw new InvalidInput({ reason: messageOf(error) }, { cause: error });
    }
    throw new VolumeBackendAPIException(
      { data: `Validate ${what} connection failed (error: ${messageOf(error)}).` },
      { cause: error },
    );
  }
}
