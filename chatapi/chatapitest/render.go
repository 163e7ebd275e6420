package chatapitest

import "maps"

func (s *Server) format(row TimeFormat) TimeFormat {
	if row != ISO {
		return row
	}
	return s.quirks.timeFormat()
}

// appendDialog writes a row as the vendor's page shows it.
func (s *Server) appendDialog(buf []byte, row uint32, extra fields) []byte {
	d := &s.store.dialogs[row]
	h := d.id.hash(s.config.Seed)
	o := openObject(buf, merged(d.over, extra))
	format := s.format(d.format)
	o.id("_id", d.id)
	o.int("user_id", d.owner)
	o.time("created_at", d.created, format)
	o.time("updated_at", d.updated, format)
	o.int("type", int64(d.kind))
	o.ints("occupants_ids", d.occupants...)
	if d.hasLast {
		o.text("last_message", s.words.lastMessage(d.lastID.hash(s.config.Seed)))
		o.int("last_message_date_sent", d.lastSent)
		o.id("last_message_id", d.lastID)
		o.int("last_message_user_id", d.lastSender)
		o.literal("last_message_status", [...]string{`"sent"`, `"read"`, `"delivered"`, "null"}[h>>8%4])
	} else {
		for _, name := range []string{"last_message", "last_message_date_sent", "last_message_id",
			"last_message_user_id", "last_message_status"} {
			o.null(name)
		}
	}
	name, named := s.words.name(d.kind, h)
	o.textOrNull("name", name, named)
	description, described := s.words.description(d.kind, h)
	o.textOrNull("description", description, described)
	o.null("photo")
	if d.kind == typePublic {
		o.int("occupants_count", int64(h>>12%5000))
	} else {
		o.null("occupants_count")
	}
	if d.kind == typePrivate {
		o.null("xmpp_room_jid")
	} else {
		o.text("xmpp_room_jid", "12345_"+d.id.String()+"@muc.chat.example.com")
	}
	o.literal("is_e2ee", [...]string{"null", "false", "true"}[d.e2ee+1])
	o.ints("admins_ids", d.admins...)
	o.null("is_muted")
	o.null("unread_messages_count")
	o.null("pinned_messages_ids")
	o.list("deleted_ids", d.deletedAs, d.deleted...)
	o.list("silent_ids", d.silentAs, d.silent...)
	if h>>24%16 == 0 {
		o.literal("extensions", s.words.extensions(h))
	}
	if h>>28%16 == 0 {
		o.literal("permissions", `{"allow_preview":true}`)
	}
	return o.close()
}

// appendMessage writes a row as the vendor's page shows it, with the custom
// parameters flat among the vendor's own.
func (s *Server) appendMessage(buf []byte, row uint32, extra fields) []byte {
	m := &s.store.messages[row]
	d := &s.store.dialogs[m.dialog]
	h := m.id.hash(s.config.Seed)
	o := openObject(buf, merged(s.store.over[row], extra))
	format := s.format(m.format)
	o.id("_id", m.id)
	o.id("chat_dialog_id", d.id)
	o.text("message", s.words.message(h+uint64(m.edits)))
	o.int("date_sent", m.id.seconds())
	o.int("sender_id", m.sender)
	o.int("recipient_id", recipient(d, m.sender))
	o.time("created_at", m.created, format)
	o.time("updated_at", m.updated, format)
	readers := readers(d, m)
	o.ints("read_ids", readers...)
	o.ints("delivered_ids", readers...)
	for name, value := range s.words.custom(h) {
		o.literal(name, value)
	}
	o.literal("attachments", s.words.attachments(h))
	o.literal("reactions", reactions(h))
	if d.kind == typePublic || d.kind == typeBroadcast {
		o.int("views_count", int64(h>>20%200))
	} else {
		o.int("views_count", 0)
	}
	if m.edits > 0 {
		o.time("edited_at", m.updated, format)
	} else {
		o.null("edited_at")
	}
	o.int("read", int64(min(m.readers, 1)))
	switch h >> 32 % 16 {
	case 0:
		o.ints("deleted_for_ids", m.sender)
	case 1, 2, 3:
		o.list("deleted_for_ids", Empty)
	default:
		o.list("deleted_for_ids", Missing)
	}
	return o.close()
}

// recipient is the other member of a private dialog, 0 elsewhere.
func recipient(d *dialog, sender int64) int64 {
	if d.kind == typePrivate {
		for _, id := range d.occupants {
			if id != sender {
				return id
			}
		}
	}
	return 0
}

// readers are the sender, who counts as one from the start, and the first of
// the others.
func readers(d *dialog, m *message) []int64 {
	ids := append(make([]int64, 0, 8), m.sender)
	for _, id := range d.occupants {
		if len(ids) > int(m.readers) {
			break
		}
		if id != m.sender {
			ids = append(ids, id)
		}
	}
	return ids
}

func merged(over, extra fields) fields {
	if len(extra) == 0 {
		return over
	}
	all := maps.Clone(over)
	if all == nil {
		all = fields{}
	}
	maps.Copy(all, extra)
	return all
}
