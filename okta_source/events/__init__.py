"""What this pipeline says of an event beside what Okta said: members in front of Okta's own bytes."""
