"""What must not be lost: cameras, people, keys, subscribers, visits, alerts, inboxes, fences."""
