import { restOperations } from '../conformance/rest-operations.ts';
import { restVolumes } from '../conformance/rest-volumes.ts';
import { aroundTheDaemon } from '../support/whole-cinder.ts';

const title = 'cinder-api and cinder-scheduler on RabbitMQ 4.x and MariaDB';

aroundTheDaemon(title, { broker: '4', database: 'mariadb' }, (whole) => {
  restVolumes(title, whole);
  restOperations(title, whole);
});
