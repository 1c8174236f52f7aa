import { connect } from 'keyturn';

const keyturn = await connect(); // TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, profiles; else 127.0.0.1:7233
const { created, rotationId } = await keyturn.apply({
  name: 'checkout',
  connection: 'main',
  schedule: { every: 30, at: '03:30', timeZone: 'Europe/Berlin' },
  key: { name: 'checkout-prod', limit: 50, limitReset: 'monthly' },
  secret: { name: 'CHECKOUT_OPENROUTER_KEY' },
});
console.log(created ? `created; its first key is rotation ${rotationId}` : 'it was there already');
await keyturn.close();
