"""What is asked all day: hero health and the gate monitor."""
