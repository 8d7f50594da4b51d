import type { Logger } from '../base/log.ts';

/** What the two options say together: seconds between two heartbeats, and seconds without one that make a service "down". */
export interface DownTimes {
  readonly report_interval: number;
  readonly service_down_time: number;
}

/**
 * The down time that holds in this process. One that does not exceed the interval would show every service as down, and is
 * raised with upstream's words (L-098); one below three intervals forgives no lost report, which deserves a word (L-09A).
 */
export function effectiveDownTime({ report_interval, service_down_time }: DownTimes, log: Logger): number {
  if (report_interval === 0 || service_down_time >= 3 * report_interval) return service_down_time;
  if (service_down_time > report_interval) {
    const text =
      'One lost report makes the service look down: service_down_time %s is below three times report_interval %s';
    log.warning(text, service_down_time, report_interval);
    return service_down_time;
  }
  const raised = Math.trunc(report_interval * 2.5);
  log.warning(
    'Report interval must be less than service down time. Current config service_down_time: %s, ' +
      'report_interval for this: service is: %s. Setting global service_down_time to: %s',
    service_down_time,
    report_interval,
    raised,
  );
  return raised;
}
