import type { Logs } from '../base/log.ts';
import type { Configuration } from '../config/load.ts';
import { imageFiles } from '../image/image-files.ts';
import { imageGroup } from '../image/options.ts';
import type { Compute } from '../interface/compute.ts';
import type { DriverParts } from '../interface/driver-parts.ts';
import type { Executor } from '../interface/executor.ts';
import type { ImageFiles } from '../interface/image-files.ts';
import type { ImageService } from '../interface/image-service.ts';
import type { ServiceHost } from '../objects/host.ts';
import { glance } from '../openstack/glance.ts';
import { HttpClient, type HttpSettings } from '../openstack/http.ts';
import { ServiceToken } from '../openstack/keystone.ts';
import { nova } from '../openstack/nova.ts';
import { NovaClient } from '../openstack/nova-client.ts';
import { novaSnapshots } from '../openstack/nova-snapshots.ts';
import { type AuthValues, glanceGroup, novaGroup, serviceUserGroup } from '../openstack/options.ts';

/** The services that this one asks by HTTP, and what becomes of the images that come from there. */
export interface OtherServices {
  readonly images: ImageService;
  readonly imageFiles: ImageFiles;
  readonly compute: Compute;
  /** What a driver takes snapshots of attached volumes through. */
  readonly openNova: DriverParts['openNova'];
  close(): Promise<void>;
}

/** Opens nothing: connections are made with the first request. */
export function otherServices(
  configuration: Configuration,
  { exec, host, logs }: { readonly exec: Executor; readonly host: ServiceHost; readonly logs: Logs },
): OtherServices {
  const values = configuration.values(glanceGroup);
  const user = configuration.values(serviceUserGroup);
  const compute = configuration.values(novaGroup);
  const toGlance = new HttpClient({
    insecure: values.glance_api_insecure,
    cafile: values.glance_ca_certificates_file,
    certfile: values.glance_certfile,
    keyfile: values.glance_keyfile,
    timeout: values.glance_request_timeout ?? 900,
  });
  const toKeystone = new HttpClient(settingsOf(user));
  const toNova = new HttpClient(settingsOf(compute));
  const serviceToken = user.send_service_user_token ? new ServiceToken(toKeystone, user) : undefined;
  const toCompute = new NovaClient({ http: toNova, values: compute, token: new ServiceToken(toNova, compute) });
  return {
    images: glance({ http: toGlance, values, serviceToken, log: logs('cinder.image.glance') }),
    imageFiles: imageFiles({
      exec,
      host,
      values: configuration.values(imageGroup),
      log: logs('cinder.image.image_utils'),
    }),
    compute: nova(toCompute, logs('cinder.compute.nova')),
    async openNova(signal) {
      await toCompute.endpoint(signal);
      return novaSnapshots(toCompute);
    },
    async close() {
      for (const client of [toGlance, toKeystone, toNova]) await client.close();
    },
  };
}

function settingsOf({ insecure, cafile, certfile, keyfile, timeout }: AuthValues): HttpSettings {
  return { insecure, cafile, certfile, keyfile, timeout: timeout ?? 60 };
}
