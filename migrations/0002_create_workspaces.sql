create table public.workspaces (
  id text primary key check (id ~ '^wsp_[0-9a-f]{32}$'),
  name text not null check (name <> ''),
  aws_external_id text not null unique default gen_random_uuid()::text,
  created_at timestamptz not null default now()
);
alter table public.workspaces enable row level security;
alter table public.workspaces force row level security;

-- AWS roles of customers trust this value: one that changed, or could be chosen, would open them to another workspace.
create function public.keep_aws_external_id() returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  raise exception 'aws_external_id cannot be changed' using errcode = 'restrict_violation';
end
$$;
comment on function public.keep_aws_external_id() is 'Refuses a change of workspaces.aws_external_id, to every role.';
create trigger keep_aws_external_id
  before update on public.workspaces
  for each row
  when (old.aws_external_id is distinct from new.aws_external_id)
  execute function public.keep_aws_external_id();

comment on table public.workspaces is 'A tenant. Made by register_account only.';
comment on column public.workspaces.aws_external_id is 'What customers put into the trust policy of their AWS roles. Never changes.';

-- Under FORCE the owner is held to policies too. Its definer functions must see rows before any user is known.
create policy all_owner on public.workspaces to aurora_owner using (true) with check (true);
create policy select_member on public.workspaces for select to aurora_app
  using (id = public.current_workspace_id());

-- No insert, update or delete: a workspace comes with its first user.
grant select (id, name, aws_external_id, created_at) on public.workspaces to aurora_app;
