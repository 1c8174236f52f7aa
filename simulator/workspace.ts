import { randomUUID } from 'node:crypto';

export type WorkspaceRecord = {
  id: string;
  name: string;
  slug: string;
  createdAt: string;
  createdBy: string;
  /** USD its keys may spend in a calendar month; null is no budget. */
  monthlyBudget: number | null;
};

export function newWorkspace(given: Omit<WorkspaceRecord, 'id'>): WorkspaceRecord {
  return { id: randomUUID(), ...given };
}

/** An item of GET /workspaces (facts §5). */
export function workspaceObject(workspace: WorkspaceRecord) {
  return {
    id: workspace.id,
    name: workspace.name,
    slug: workspace.slug,
    description: null,
    default_guardrail_id: null,
    default_text_model: null,
    default_image_model: null,
    default_provider_sort: null,
    disabled_server_tools: null,
    include_byok_in_budgets: false,
    io_logging_api_key_ids: null,
    io_logging_sampling_rate: 1,
    is_data_discount_logging_enabled: true,
    is_observability_broadcast_enabled: false,
    is_observability_io_logging_enabled: false,
    created_at: workspace.createdAt,
    updated_at: null,
    created_by: workspace.createdBy,
  };
}
