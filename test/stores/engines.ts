import { startKubeApiserver } from '../engines/kube-apiserver.ts';
import { startOpenBao } from '../engines/openbao.ts';
import { startMoto } from '../keyring/moto.ts';

/** Fetches each engine before the tests run, which have no time for it, and starts it once to see that it runs. */
export default async function fetchEngines(): Promise<void> {
  process.env.KEYTURN_FETCH_ENGINES = '1';
  const engines = { 'moto (AWS)': startMoto, OpenBao: startOpenBao, 'kube-apiserver': startKubeApiserver };
  for (const [name, start] of Object.entries(engines)) {
    const began = Date.now();
    const engine = await start();
    const seconds = Math.round((Date.now() - began) / 1_000);
    if ('unavailable' in engine) console.warn(`  ✘ ${name}: ${engine.unavailable}`);
    else {
      console.warn(`  ✔ ${name}, ready in ${seconds} s`);
      await engine.close();
    }
  }
}
