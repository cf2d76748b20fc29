CREATE TABLE action (
	id INTEGER NOT NULL,
	enrolment_id BIGINT NOT NULL,
	step TEXT NOT NULL,
	attempt BIGINT NOT NULL,
	user_id BIGINT NOT NULL,
	playbook TEXT NOT NULL,
	version TEXT NOT NULL,
	kind TEXT NOT NULL,
	class TEXT NOT NULL,
	priority BIGINT NOT NULL,
	channel TEXT,
	next_channels TEXT NOT NULL,
	template TEXT,
	send_window TEXT,
	coupon TEXT,
	state TEXT NOT NULL,
	reason TEXT NOT NULL,
	due_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	tries INTEGER DEFAULT '0' NOT NULL,
	lease_until BIGINT,
	fence BIGINT DEFAULT '0' NOT NULL,
	adapter TEXT,
	reference TEXT,
	created_at BIGINT NOT NULL,
	changed_at BIGINT NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT action_once UNIQUE (enrolment_id, step, attempt)
);

CREATE TABLE action_event (
	id INTEGER NOT NULL,
	action_id BIGINT NOT NULL,
	at BIGINT NOT NULL,
	state TEXT NOT NULL,
	reason TEXT NOT NULL,
	detail TEXT NOT NULL,
	PRIMARY KEY (id)
);

CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE consent (
	user_id BIGINT NOT NULL,
	channel TEXT NOT NULL,
	class TEXT NOT NULL,
	granted BOOLEAN NOT NULL,
	source TEXT NOT NULL,
	at BIGINT NOT NULL,
	PRIMARY KEY (user_id, channel, class)
);

CREATE TABLE coupon_code (
	id INTEGER NOT NULL,
	coupon TEXT NOT NULL,
	code TEXT NOT NULL,
	expires_at BIGINT,
	enrolment_id BIGINT,
	user_id BIGINT,
	claimed_at BIGINT,
	PRIMARY KEY (id),
	CONSTRAINT coupon_once UNIQUE (enrolment_id, coupon),
	UNIQUE (code)
);

CREATE TABLE cut_points (
	fact TEXT NOT NULL,
	cuts JSON NOT NULL,
	calibrated_at BIGINT NOT NULL,
	PRIMARY KEY (fact)
);

CREATE TABLE enrolment (
	id INTEGER NOT NULL,
	playbook TEXT NOT NULL,
	version TEXT NOT NULL,
	user_id BIGINT NOT NULL,
	occurrence TEXT NOT NULL,
	state TEXT NOT NULL,
	step BIGINT NOT NULL,
	due_at BIGINT NOT NULL,
	trigger_at BIGINT NOT NULL,
	event_id BIGINT,
	entered_at BIGINT NOT NULL,
	waiting_since BIGINT,
	ended_at BIGINT,
	reason TEXT,
	PRIMARY KEY (id),
	CONSTRAINT enrolment_once UNIQUE (playbook, user_id, occurrence)
);

CREATE TABLE event (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	user_id BIGINT NOT NULL,
	name TEXT NOT NULL,
	at BIGINT NOT NULL,
	received_at BIGINT NOT NULL,
	amount BIGINT,
	properties JSON,
	PRIMARY KEY (id),
	UNIQUE ("key")
);

CREATE TABLE import_file (
	fingerprint TEXT NOT NULL,
	rows BIGINT NOT NULL,
	finished BOOLEAN NOT NULL,
	at BIGINT NOT NULL,
	PRIMARY KEY (fingerprint)
);

CREATE TABLE secret (
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (name)
);

CREATE TABLE slot (
	schedule TEXT NOT NULL,
	slot TEXT NOT NULL,
	taken_at BIGINT NOT NULL,
	PRIMARY KEY (schedule, slot)
);

CREATE TABLE suppression (
	channel TEXT NOT NULL,
	address TEXT NOT NULL,
	reason TEXT NOT NULL,
	at BIGINT NOT NULL,
	PRIMARY KEY (channel, address)
);

CREATE TABLE tick (
	id INTEGER NOT NULL,
	at BIGINT NOT NULL,
	started_at BIGINT NOT NULL,
	ended_at BIGINT,
	content_version TEXT NOT NULL,
	users INTEGER NOT NULL,
	transitions INTEGER NOT NULL,
	enrolments INTEGER NOT NULL,
	actions INTEGER NOT NULL,
	error TEXT,
	PRIMARY KEY (id)
);

CREATE TABLE transition (
	id INTEGER NOT NULL,
	user_id BIGINT NOT NULL,
	dimension TEXT NOT NULL,
	from_place TEXT,
	to_place TEXT,
	at BIGINT NOT NULL,
	rule TEXT NOT NULL,
	rules_version TEXT NOT NULL,
	signature BIGINT NOT NULL,
	PRIMARY KEY (id)
);

CREATE TABLE user_state (
	user_id INTEGER NOT NULL,
	due_at BIGINT NOT NULL,
	refreshed_at BIGINT,
	edge_at BIGINT, fact_first_name TEXT, fact_birthday TEXT, fact_member BOOLEAN, retired_fact_shoe_size_1 BIGINT, fact_country TEXT, fact_known_since BIGINT, fact_registrations BIGINT, fact_orders BIGINT, fact_orders_30d BIGINT, fact_spend BIGINT, fact_spend_60d BIGINT, fact_average_order DOUBLE PRECISION, fact_largest_order BIGINT, fact_last_order_at BIGINT, fact_last_category TEXT, fact_categories_60d BIGINT, fact_coupon_orders BIGINT, fact_views_14d BIGINT, fact_reviews BIGINT, fact_best_rating BIGINT, fact_complaints_30d BIGINT, fact_spend_score BIGINT, fact_coupon_share DOUBLE PRECISION, place_lifecycle TEXT, since_lifecycle BIGINT, wait_lifecycle BIGINT, place_rank TEXT, since_rank BIGINT, wait_rank BIGINT, place_value TEXT, since_value BIGINT, wait_value BIGINT, place_interests TEXT, since_interests__explorer BIGINT, wait_interests__explorer BIGINT, since_interests__generous BIGINT, wait_interests__generous BIGINT, since_interests__upset BIGINT, wait_interests__upset BIGINT,
	PRIMARY KEY (user_id)
);

CREATE TABLE users (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	email TEXT,
	phone TEXT,
	push_token TEXT,
	locale TEXT,
	timezone TEXT,
	country TEXT,
	first_seen_at BIGINT NOT NULL,
	attributes JSON,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (id),
	UNIQUE ("key")
);

CREATE TABLE version (
	kind TEXT NOT NULL,
	name TEXT NOT NULL,
	hash TEXT NOT NULL,
	files JSON NOT NULL,
	applied_at BIGINT NOT NULL,
	first_applied_at BIGINT NOT NULL,
	PRIMARY KEY (kind, name, hash)
);

CREATE TABLE worker (
	name TEXT NOT NULL,
	started_at BIGINT NOT NULL,
	seen_at BIGINT NOT NULL,
	content_version TEXT,
	message TEXT,
	PRIMARY KEY (name)
);

CREATE TABLE zone (
	name TEXT NOT NULL,
	PRIMARY KEY (name)
);

CREATE INDEX action_due ON action (due_at) WHERE state IN ('queued', 'deferred', 'retrying');

CREATE INDEX action_event_at ON action_event (at);

CREATE INDEX action_event_of_action ON action_event (action_id);

CREATE INDEX action_held ON action (reason) WHERE state IN ('held', 'unknown');

CREATE INDEX action_leased ON action (lease_until) WHERE state IN ('claimed', 'handed_off');

CREATE INDEX action_next ON action (channel, class, priority, due_at, id) WHERE state IN ('queued', 'deferred', 'retrying');

CREATE INDEX action_of_user ON action (user_id);

CREATE INDEX coupon_free ON coupon_code (coupon, id) WHERE enrolment_id IS NULL;

CREATE INDEX enrolment_due ON enrolment (due_at) WHERE state = 'active';

CREATE INDEX enrolment_of_user ON enrolment (user_id);

CREATE INDEX event_of_user ON event (user_id, name, at, amount);

CREATE INDEX state_year_birthday ON user_state (substr(fact_birthday, 6, 5));

CREATE INDEX transition_of_user ON transition (user_id, at);

CREATE INDEX user_state_due ON user_state (due_at);
