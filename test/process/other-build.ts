import { type WorkflowBundle, workflowBundle } from '../../worker/workflow-bundle.ts';

/** Set for a hooked worker: it runs the other build. */
export const otherBuildVariable = 'KEYTURN_TEST_OTHER_BUILD';

/** The workflow code with a harmless difference, so that it is another build: what a sleep is called in the Web UI. */
export async function bundleOtherBuild(): Promise<WorkflowBundle> {
  const bundle = await workflowBundle();
  const code = bundle.code.replace('`until $', '`asleep until $');
  if (code === bundle.code) throw new Error('there is nothing to change in the workflow code');
  return { ...bundle, code };
}
