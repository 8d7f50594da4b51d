import { int, str } from './options.ts';

/** What every driver that reports a pool reads. */
export const capacityOptions = {
  volume_backend_name: str(undefined, 'Name that volume types ask for; several backends may share it'),
  reserved_percentage: int(0, 'Share of the capacity that is kept free, in percent', { min: 0, max: 100 }),
  max_over_subscription_ratio: str(
    '20.0',
    'How often thin provisioned space may be promised: a number from 1, or auto',
    { pattern: /^(auto|\d*\.\d+|\d+)$/ },
  ),
  filter_function: str(undefined, 'Expression by which the scheduler refuses the backend.'),
  goodness_function: str(undefined, 'Expression by which the scheduler ranks the backend, 0 to 100.'),
};
