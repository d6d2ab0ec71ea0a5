-- When what a person gave (an Azure client secret …) ends, and how far its end was warned of. Not the end of the token
-- that is made of it, which is expires_at.
alter table public.user_tokens
  add column credential_expires_at timestamptz,
  add column credential_warned_days integer check (credential_warned_days > 0);

comment on column public.user_tokens.credential_expires_at is 'When what a person gave ends, which no refresh mends; null when nobody said.';
comment on column public.user_tokens.credential_warned_days is 'The fewest days before that end that were warned of; null before the first warning.';

-- take_ending_credentials.
create index user_tokens_credential_end on public.user_tokens (credential_expires_at)
  where is_active and credential_expires_at is not null;

grant select (credential_expires_at, credential_warned_days) on public.user_tokens to aurora_app;
grant update (credential_expires_at, credential_warned_days) on public.user_tokens to aurora_app;

create function public.take_ending_credentials(p_days integer[], p_limit integer)
  returns table (id text, workspace_id text, provider text, credential_expires_at timestamptz, days integer)
  language sql volatile security definer
  set search_path = ''
as $$
  -- Materialized: as a subquery it could be run again, and take more than the limit.
  with ending as materialized (
    select t.id, reached.days
    from public.user_tokens t
    cross join lateral (
      select min(threshold) as days
      from unnest(p_days) as threshold
      where t.credential_expires_at <= now() + make_interval(days => threshold)
    ) as reached
    where t.is_active
      and t.version > 0
      and t.credential_expires_at > now()
      and reached.days is not null
      and (t.credential_warned_days is null or t.credential_warned_days > reached.days)
    order by t.credential_expires_at
    limit p_limit
    for update of t skip locked
  )
  update public.user_tokens taken
  set credential_warned_days = ending.days
  from ending
  where taken.id = ending.id
  returning taken.id, taken.workspace_id, taken.provider, taken.credential_expires_at, ending.days
$$;
comment on function public.take_ending_credentials(integer[], integer) is
  'Live connections whose credential ends within one of p_days and that were not warned of so few days, soonest first; they count as warned of now.';
revoke execute on function public.take_ending_credentials(integer[], integer) from public;
grant execute on function public.take_ending_credentials(integer[], integer) to aurora_app;
