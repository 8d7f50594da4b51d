import { restVolumes } from '../conformance/rest-volumes.ts';
import { aroundTheDaemon } from '../support/whole-cinder.ts';

const title = 'cinder-api and cinder-scheduler on RabbitMQ 4.x and PostgreSQL';

aroundTheDaemon(title, { broker: '4', database: 'postgresql' }, (whole) => {
  restVolumes(title, whole);
});
