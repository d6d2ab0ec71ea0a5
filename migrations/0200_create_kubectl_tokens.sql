create table public.kubectl_tokens (
  id text primary key check (id ~ '^kct_[0-9a-f]{32}$'),
  workspace_id text not null references public.workspaces (id),
  cluster_name text not null check (cluster_name <> ''),
  notes text,
  token_hash char(64) not null unique check (token_hash ~ '^[0-9a-f]{64}$'),
  -- A person, or an API key that outlives its maker: no reference that would hold for both.
  created_by text not null check (created_by ~ '^(usr|key)_[0-9a-f]{32}$'),
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
);
alter table public.kubectl_tokens enable row level security;
alter table public.kubectl_tokens force row level security;

-- The tokens of a workspace, in order.
create index kubectl_tokens_by_workspace on public.kubectl_tokens (workspace_id, created_at, id);

comment on table public.kubectl_tokens is 'A cluster agent''s token: a principal of its own, with connections:read and tokens:read. It outlives its maker.';
comment on column public.kubectl_tokens.token_hash is 'SHA-256 of the token, hex. aurora_app can write it and never read it.';
comment on column public.kubectl_tokens.last_used_at is 'When it was last proven, at most once a minute.';

-- Lets definer functions work under FORCE, see workspaces.
create policy all_owner on public.kubectl_tokens to aurora_owner using (true) with check (true);
create policy select_workspace on public.kubectl_tokens for select to aurora_app
  using (workspace_id = public.current_workspace_id());
-- Nobody makes one in another's name.
create policy insert_own on public.kubectl_tokens for insert to aurora_app
  with check (workspace_id = public.current_workspace_id() and created_by = public.current_user_id());
-- Only one that was not revoked may be changed, so that none is ever revived.
create policy update_workspace on public.kubectl_tokens for update to aurora_app
  using (workspace_id = public.current_workspace_id() and revoked_at is null)
  with check (workspace_id = public.current_workspace_id());

grant select (id, workspace_id, cluster_name, notes, created_by, created_at, expires_at, revoked_at, last_used_at)
  on public.kubectl_tokens to aurora_app;
grant insert (id, workspace_id, cluster_name, notes, token_hash, created_by, created_at, expires_at)
  on public.kubectl_tokens to aurora_app;
grant update (revoked_at) on public.kubectl_tokens to aurora_app;

create function public.prove_kubectl_token(p_token_hash text)
  returns table (id text, workspace_id text, cluster_name text, expires_at timestamptz)
  language plpgsql volatile security definer
  set search_path = ''
as $$
begin
  -- At most once a minute, and never waiting: a busy agent's callers would otherwise queue for its row.
  if current_setting('transaction_read_only') = 'off' then
    update public.kubectl_tokens touched
    set last_used_at = now()
    where touched.id in (
      select t.id
      from public.kubectl_tokens t
      where t.token_hash = p_token_hash::bpchar
        and t.revoked_at is null
        and (t.expires_at is null or t.expires_at > now())
        and (t.last_used_at is null or t.last_used_at < now() - interval '1 minute')
      for update skip locked
    );
  end if;
  return query
    select t.id, t.workspace_id, t.cluster_name, t.expires_at
    from public.kubectl_tokens t
    where t.token_hash = p_token_hash::bpchar
      and t.revoked_at is null
      and (t.expires_at is null or t.expires_at > now());
end
$$;
comment on function public.prove_kubectl_token(text) is
  'The token with that SHA-256 (hex) while neither revoked nor expired, else no row; notes its use at most once a minute.';
revoke execute on function public.prove_kubectl_token(text) from public;
grant execute on function public.prove_kubectl_token(text) to aurora_app;
