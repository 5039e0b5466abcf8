-- 0041: loans of originals (issue 2214). Forward only.

begin;

create table loan (
    id          bigint generated always as identity primary key,
    item_id     uuid not null references item (id) on delete restrict,
    borrower    text not null check (length(borrower) between 2 and 200),
    contact     text,
    lent_on     date not null default current_date,
    due_on      date not null default current_date + 28,
    returned_on date,
    condition   text,
    constraint due_after_lent check (due_on > lent_on),
    -- A year is the longest; for more, draw up a proper contract on paper.
    constraint not_for_ever check (due_on <= lent_on + 365)
);

-- One original can be with one borrower only.
create unique index loan_open on loan (item_id) where returned_on is null;

-- The contact is personal: the bindery blanks it 180 days after the return.
comment on column loan.contact is 'blanked by job loan_forget';

alter table loan enable row level security;

-- Viewers learn that something is away, through has:loan, but not who has it.
create policy loan_keeper on loan
    using (role_in_drawer(item_id) = 'keeper');

-- Overdue loans are listed for keepers each Monday.
create view loan_overdue as
    select * from loan
    where returned_on is null and due_on < current_date;

commit;
