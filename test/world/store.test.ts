import { describeStore } from '../stores/conformance.ts';
import { asSecretStore, MemoryStore } from './store.ts';

describeStore('the store of the simulated world', () => asSecretStore(new MemoryStore('memory', () => 0)));
