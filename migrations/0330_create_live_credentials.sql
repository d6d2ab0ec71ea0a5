-- Whose sockets may stay open, asked by the audit log for a whole workspace at once.

create function public.list_live_credentials(p_ids text[])
  returns table (id text, user_id text, role text, permissions text[], expires_at timestamptz)
  language sql stable security definer
  set search_path = ''
as $$
  select s.id, u.id, u.role, null::text[], s.expires_at
  from public.sessions s
  join public.users u on u.id = s.user_id
  where s.id = any (p_ids)
    and s.workspace_id = public.current_workspace_id()
    and s.ended_at is null
    and s.expires_at > now()
    and u.is_active
  union all
  select k.id, null, null, k.permissions, k.expires_at
  from public.api_keys k
  where k.id = any (p_ids)
    and k.workspace_id = public.current_workspace_id()
    and k.revoked_at is null
    and (k.expires_at is null or k.expires_at > now())
$$;
comment on function public.list_live_credentials(text[]) is
  'The sessions and keys of the current workspace among p_ids that are neither ended nor expired, and what they may do.';
revoke execute on function public.list_live_credentials(text[]) from public;
grant execute on function public.list_live_credentials(text[]) to aurora_app;
